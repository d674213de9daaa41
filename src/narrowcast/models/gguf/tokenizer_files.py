"""The tokenizer of a GGUF file as the files of a model folder: the reverse of `vocabulary`."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from narrowcast.models.gguf.byte_level import splitting
from narrowcast.models.gguf.sentence_pieces import SPACE, Pair, Prefix, with_prefix
from narrowcast.models.gguf.vocabulary import (
    BYTE,
    CONTROL,
    NORMAL,
    UNKNOWN,
    UNUSED,
    USER_DEFINED,
    read_vocabulary,
)
from narrowcast.models.gguf.writer import NORMALIZER_KEY, PREFIX_KEY, STOP_KEY

# Where the file does not say: llama.cpp puts the beginning-of-sequence token first, ...
_ADDS_BOS = ("llama-bpe",)
# ... and the tokenizer that the file was made from composes characters (NFC), which llama.cpp does not do.
_COMPOSED = ("qwen2",)
_ADDED = (CONTROL, UNKNOWN, USER_DEFINED)


class ForeignTokenizerError(Exception):
    """The tokenizer would not come out equal; says why."""


def special_token(metadata: Mapping[str, Any], kind: str) -> int | None:
    """The id of a named special token, such as `bos`, `eos` or `padding`."""
    value = metadata.get(f"tokenizer.ggml.{kind}_token_id")
    return int(value) if value is not None else None


def write_tokenizer(metadata: Mapping[str, Any], folder: Path, rows: int, longest: int) -> None:
    """Write tokenizer, its settings, chat template and generation settings.

    Args:
        metadata: of the file.
        folder: of the model.
        rows: of the embedding; at least the number of tokens.
        longest: sequence in tokens.

    Raises:
        ForeignTokenizerError: what would not come out equal.
    """
    template = metadata.get("tokenizer.chat_template")
    if not isinstance(template, str) or not template:
        raise ForeignTokenizerError("it has no chat template; take an instruction-tuned model")
    ends = [each for kind in ("eos", "eot") if (each := special_token(metadata, kind)) is not None]
    generation = {
        "bos_token_id": special_token(metadata, "bos"),
        "eos_token_id": sorted(set(ends)),
        "pad_token_id": special_token(metadata, "padding"),
    }
    write_json(folder / "tokenizer.json", _tokenizer(metadata))
    write_json(folder / "tokenizer_config.json", _settings(metadata, longest))
    write_json(folder / "generation_config.json", generation)
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    _compare(metadata, folder, rows)


def _tokenizer(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kind = metadata.get("tokenizer.ggml.model")
    if kind not in _KINDS:
        raise ForeignTokenizerError(f"its tokenizer is {kind!r}, neither byte-level BPE nor SentencePiece's")
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    known = {NORMAL, CONTROL, USER_DEFINED, UNUSED} | ({UNKNOWN, BYTE} if kind == "llama" else set())
    foreign = sorted(set(types) - known)
    if foreign:
        raise ForeignTokenizerError(f"it has tokens of the types {', '.join(map(str, foreign))}")
    bos, pre = special_token(metadata, "bos"), str(metadata.get("tokenizer.ggml.pre", "default"))
    first = bool(metadata.get("tokenizer.ggml.add_bos_token", kind == "llama" or pre in _ADDS_BOS))
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(tokens, types, spaced=kind == "llama"),
        "post_processor": _with_bos(str(tokens[bos]), bos) if first and bos is not None else None,
        **_KINDS[kind](metadata, tokens, types),
    }


def _byte_level(metadata: Mapping[str, Any], tokens: list[str], types: list[int]) -> dict[str, Any]:
    pre = str(metadata.get("tokenizer.ggml.pre", "default"))
    try:
        pre_tokenizer, whole_words = splitting(pre)
    except KeyError:
        raise ForeignTokenizerError(f"its pre-tokeniser {pre!r} is not known here") from None
    ours = STOP_KEY in metadata  # narrowcast's own files say so where there is a normaliser
    composed = metadata.get(NORMALIZER_KEY, "NFC" if pre in _COMPOSED and not ours else "")
    vocab = _numbered(tokens, types, {NORMAL})
    merges = metadata["tokenizer.ggml.merges"]
    return {
        "normalizer": {"type": composed} if composed else None,
        "pre_tokenizer": pre_tokenizer,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {**_BPE, "ignore_merges": whole_words, "vocab": vocab, "merges": merges},
    }


def _sentence_pieces(metadata: Mapping[str, Any], tokens: list[str], types: list[int]) -> dict[str, Any]:
    added: Prefix = "always" if metadata.get("tokenizer.ggml.add_space_prefix", True) else "never"
    scores, unknown = metadata.get("tokenizer.ggml.scores"), special_token(metadata, "unknown")
    if scores is None:
        raise ForeignTokenizerError("its tokens have no scores")
    spelled = [_piece(token, kind) for token, kind in zip(tokens, types, strict=True)]
    vocab = _numbered(spelled, types, {NORMAL, BYTE, UNKNOWN})
    vocab |= {spelled[number]: number for number, kind in enumerate(types) if _is_run(tokens[number], kind)}
    return {
        **with_prefix(metadata.get(PREFIX_KEY, added)),
        "model": {
            **_BPE,
            "unk_token": None if unknown is None or tokens[unknown] not in vocab else tokens[unknown],
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": vocab,
            "merges": [list(pair) for pair in _merges(tokens, types, scores)],
        },
    }


def _numbered(tokens: list[str], types: list[int], kinds: Container[int]) -> dict[str, int]:
    """The vocabulary, with added tokens only where the library would give them other numbers.

    It numbers what it does not find there from the end of the vocabulary, whatever their `id` says.
    """
    vocab = {token: number for number, token in enumerate(tokens) if types[number] in kinds}
    added = [number for number, kind in enumerate(types) if kind in _ADDED and kind not in kinds]
    if added == list(range(len(vocab), len(vocab) + len(added))):
        return vocab
    return vocab | {tokens[number]: number for number in added}


def _is_run(token: str, kind: int) -> bool:
    """Several spaces, which llama.cpp takes out of a text and `tokenizer.json` merges."""
    return kind == USER_DEFINED and len(token) > 1 and not token.strip(" ")


def _piece(token: str, kind: int) -> str:
    return SPACE * len(token) if _is_run(token, kind) else token


def _merges(tokens: list[str], types: list[int], scores: list[float]) -> list[Pair]:
    """Every pair that makes a token, those of the highest score first, as transformers converts them."""
    normal = {token: scores[number] for number, token in enumerate(tokens) if types[number] == NORMAL}
    runs = [SPACE * len(token) for token, kind in zip(tokens, types, strict=True) if _is_run(token, kind)]
    spaces = {SPACE, *runs}
    merges = [pair for run in sorted(runs, key=len, reverse=True) for pair in _pairs(run, spaces)]
    seen: dict[float, str] = {}
    for token in sorted(normal, key=normal.__getitem__, reverse=True):
        pairs = _pairs(token, normal)
        if pairs and seen.setdefault(normal[token], token) != token:
            raise ForeignTokenizerError("several of its tokens have the same score")
        merges += pairs
    return merges


def _pairs(token: str, known: Container[str]) -> list[Pair]:
    cuts = range(len(token) - 1, 0, -1)
    return [(token[:at], token[at:]) for at in cuts if token[:at] in known and token[at:] in known]


_BPE: dict[str, Any] = {
    "type": "BPE",
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": False,
}
_KINDS = {"gpt2": _byte_level, "llama": _sentence_pieces}


def _settings(metadata: Mapping[str, Any], longest: int) -> dict[str, Any]:
    tokens = metadata["tokenizer.ggml.tokens"]
    kinds = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    named = {
        f"{name}_token": tokens[number]
        for name, kind in kinds.items()
        if (number := special_token(metadata, kind)) is not None
    }
    # The class that reads tokenizer.json as it is: others replace its pre-tokeniser by their own.
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **named,
        "clean_up_tokenization_spaces": False,
        "model_max_length": longest,
    }


def _added(tokens: list[str], types: list[int], *, spaced: bool) -> list[dict[str, Any]]:
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return [
        {
            "id": number,
            "content": _piece(token, kind) if spaced else token,
            **plain,
            "special": kind != USER_DEFINED,
        }
        for number, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind in _ADDED
    ]


def _with_bos(token: str, number: int) -> dict[str, Any]:
    start = {"SpecialToken": {"id": token, "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": kind}} for name, kind in (("A", 0), ("B", 1)))
    return {
        "type": "TemplateProcessing",
        "single": [start, first],
        "pair": [start, first, {"SpecialToken": {"id": token, "type_id": 1}}, second],
        "special_tokens": {token: {"id": token, "ids": [number], "tokens": [token]}},
    }


def _compare(metadata: Mapping[str, Any], folder: Path, rows: int) -> None:
    """The folder's vocabulary, read as for an export, is the file's."""
    vocabulary = read_vocabulary(folder, rows)
    same = {
        "tokens": _equal_tokens(vocabulary.tokens, metadata),
        "merges": vocabulary.merges == metadata.get("tokenizer.ggml.merges", []),
        "pre-tokeniser": vocabulary.pre == metadata.get("tokenizer.ggml.pre", "default"),
        "beginning of sequence": vocabulary.bos == special_token(metadata, "bos"),
        "end of sequence": vocabulary.eos == special_token(metadata, "eos"),
    }
    for what, equal in same.items():
        if not equal:
            raise ForeignTokenizerError(f"its {what} did not come out equal")


def _equal_tokens(ours: Sequence[str], metadata: Mapping[str, Any]) -> bool:
    """Equal but for the names of tokens that are never used, some of which have no name in the file."""
    theirs, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    return len(ours) >= len(theirs) and all(
        kind == UNUSED or mine == token for mine, token, kind in zip(ours, theirs, types, strict=False)
    )


def write_json(path: Path, value: Any) -> None:
    """JSON as model folders have it: indented, readable."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
