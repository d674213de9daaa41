"""The tokenizer of a GGUF file as the files of a model folder: the reverse of `vocabulary`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from narrowcast.models.gguf.vocabulary import (
    CONTROL,
    NORMAL,
    UNUSED,
    USER_DEFINED,
    read_vocabulary,
    splitting,
)
from narrowcast.models.gguf.writer import NORMALIZER_KEY, STOP_KEY

# Where the file does not say: llama.cpp puts the beginning-of-sequence token first, ...
_ADDS_BOS = ("llama-bpe",)
# ... and the tokenizer that the file was made from composes characters (NFC), which llama.cpp does not do.
_COMPOSED = ("qwen2",)


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
    if metadata.get("tokenizer.ggml.model") != "gpt2":
        kind = metadata.get("tokenizer.ggml.model")
        raise ForeignTokenizerError(f"its tokenizer is {kind!r}, not a byte-level BPE")
    pre = str(metadata.get("tokenizer.ggml.pre", "default"))
    try:
        pre_tokenizer, whole_words = splitting(pre)
    except KeyError:
        raise ForeignTokenizerError(f"its pre-tokeniser {pre!r} is not known here") from None
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    foreign = sorted(set(types) - {NORMAL, CONTROL, USER_DEFINED, UNUSED})
    if foreign:
        raise ForeignTokenizerError(f"it has tokens of the types {', '.join(map(str, foreign))}")
    ours = STOP_KEY in metadata  # narrowcast's own files say so where there is a normaliser
    composed = metadata.get(NORMALIZER_KEY, "NFC" if pre in _COMPOSED and not ours else "")
    bos = special_token(metadata, "bos")
    first = bool(metadata.get("tokenizer.ggml.add_bos_token", pre in _ADDS_BOS))
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(tokens, types),
        "normalizer": {"type": composed} if composed else None,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": _with_bos(str(tokens[bos]), bos) if first and bos is not None else None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": whole_words,
            "vocab": {
                token: number
                for number, (token, kind) in enumerate(zip(tokens, types, strict=True))
                if kind == NORMAL
            },
            "merges": metadata["tokenizer.ggml.merges"],
        },
    }


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


def _added(tokens: list[str], types: list[int]) -> list[dict[str, Any]]:
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return [
        {"id": number, "content": token, **plain, "special": kind == CONTROL}
        for number, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind in (CONTROL, USER_DEFINED)
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
        "merges": vocabulary.merges == metadata["tokenizer.ggml.merges"],
        "pre-tokeniser": vocabulary.pre == metadata.get("tokenizer.ggml.pre"),
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
