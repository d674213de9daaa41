"""A `tokenizer.json` as GGUF holds it: tokens with types, merges or scores, named special tokens.

What llama.cpp would tokenise differently after export, without a sound, is refused: `byte_level` and
`sentence_pieces` say which tokenizers these are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from narrowcast.core.message import Message
from narrowcast.errors import ModelError
from narrowcast.models.gguf.byte_level import byte_level_problems, normalizer, pre_tokenizer
from narrowcast.models.gguf.sentence_pieces import (
    BYTES,
    SPACE,
    Prefix,
    is_sentence_pieces,
    pairs_of,
    prefix_of,
    run_problems,
    scores_of,
    sentence_piece_problems,
)
from narrowcast.models.template import prompt_pieces, template_renderer
from narrowcast.store.files import sha256_file

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6  # llama.cpp's token types


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the GGUF metadata needs. Ids are None where the tokenizer has no such token."""

    model: Literal["gpt2", "llama"]
    """llama.cpp's name of the algorithm: byte-level BPE, or SentencePiece's."""
    tokens: list[str]
    types: list[int]
    merges: list[str]
    """Of byte-level BPE."""
    scores: list[float]
    """Of SentencePiece's, one a token."""
    pre: str
    normalizer: str
    prefix: Prefix
    """Where a space is added."""
    unknown: int | None
    bos: int | None
    eos: int
    pad: int | None
    end_of_turn: int
    stop: list[int]
    """Everything that ends an answer: end of turn, the tokenizer's and the generation config's ends."""
    add_bos: bool
    chat_template: str


def read_vocabulary(folder: Path, size: int) -> Vocabulary:
    """Read a model folder's tokenizer.

    Args:
        folder: holds `tokenizer.json`, `tokenizer_config.json` and a chat template.
        size: rows of the embedding; ids the tokenizer does not use become unused tokens.

    Raises:
        ModelError: a file is missing, or llama.cpp would tokenise differently.
    """
    tokenizer = _json(folder / "tokenizer.json")
    settings = _json(folder / "tokenizer_config.json")
    pieces = is_sentence_pieces(tokenizer)
    _check(folder / "tokenizer.json")
    model, added = tokenizer["model"], tokenizer.get("added_tokens", [])
    tokens, types = _tokens(model, added, size, folder)
    if pieces:
        tokens = _with_runs_of_spaces(tokens, types)
    ids = {token: index for index, token in enumerate(tokens)}
    named = {name: _named(settings.get(name), ids) for name in ("bos_token", "eos_token", "pad_token")}
    template = _chat_template(folder, settings)
    special = [token for token, kind in zip(tokens, types, strict=True) if kind == CONTROL]
    end = ids[_end_of_turn(template, _texts(named, tokens), special, folder)]
    eos = end if named["eos_token"] is None else named["eos_token"]
    return Vocabulary(
        model="llama" if pieces else "gpt2",
        tokens=tokens,
        types=types,
        merges=[] if pieces else [" ".join(pair) for pair in pairs_of(model)],
        scores=scores_of(tokens, model, [each["content"] for each in added]) if pieces else [],
        pre="default" if pieces else str(pre_tokenizer(tokenizer)),
        normalizer="" if pieces else normalizer(tokenizer),
        prefix=prefix_of(tokenizer) or "never" if pieces else "never",
        unknown=ids.get(model.get("unk_token") or ""),
        bos=named["bos_token"],
        eos=eos,
        pad=named["pad_token"],
        end_of_turn=end,
        stop=sorted({end, eos, *_generation_ends(folder)}),
        add_bos=_adds_bos(tokenizer, named["bos_token"], tokens),
        chat_template=template,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError("the model folder lacks a file that export needs", where=str(path)) from error
    except ValueError as error:
        raise ModelError(f"the file is not JSON: {error}", where=str(path)) from error
    return value


def _check(path: Path) -> None:
    problems = _problems(path, sha256_file(path))
    if problems:
        raise ModelError(
            f"llama.cpp would tokenise differently: {'; '.join(problems[:3])}",
            where=str(path),
            next_command="narrowcast export --formats adapter,merged",
        )


@lru_cache(maxsize=8)
def _problems(path: Path, _sha256: str) -> tuple[str, ...]:
    """Remembered, since it takes seconds for Gemma's 262,144 tokens and is asked several times an export."""
    tokenizer = _json(path)
    added = tokenizer.get("added_tokens", [])
    pieces = is_sentence_pieces(tokenizer)
    problems = sentence_piece_problems(tokenizer) if pieces else byte_level_problems(tokenizer)
    for flag in ("lstrip", "rstrip", "single_word"):
        problems += [f"added token {token['content']!r} has {flag}" for token in added if token.get(flag)]
    return tuple(problems or (run_problems(path, added) if pieces else ()))


def _tokens(
    model: dict[str, Any], added: list[dict[str, Any]], size: int, folder: Path
) -> tuple[list[str], list[int]]:
    texts = {index: token for token, index in model["vocab"].items()}
    kinds = dict.fromkeys(texts, NORMAL)
    if model.get("byte_fallback"):
        # A tab may stand beside <0x09> under the same number (transformers adds it to Gemma's).
        texts |= {model["vocab"][each]: each for each in BYTES}
        kinds |= {model["vocab"][each]: BYTE for each in BYTES}
    for token in added:
        texts[token["id"]] = token["content"]
        kinds[token["id"]] = CONTROL if token.get("special") else USER_DEFINED
        if token["content"] == model.get("unk_token"):
            kinds[token["id"]] = UNKNOWN
    if max(texts) >= size:
        raise ModelError(
            f"the tokenizer has {max(texts) + 1} tokens, the embedding {size} rows", where=str(folder)
        )
    tokens = [texts.get(index, f"[PAD{index}]") for index in range(size)]
    return tokens, [kinds.get(index, UNUSED) for index in range(size)]


def _with_runs_of_spaces(tokens: list[str], types: list[int]) -> list[str]:
    """Added tokens of several spaces, spelled as llama.cpp looks for them in a text."""
    return [
        token.replace(SPACE, " ") if kind == USER_DEFINED else token
        for token, kind in zip(tokens, types, strict=True)
    ]


def _named(value: Any, ids: dict[str, int]) -> int | None:
    text = value.get("content") if isinstance(value, dict) else value
    return ids.get(text) if text else None


def _texts(named: dict[str, int | None], tokens: Sequence[str]) -> dict[str, str]:
    return {name: tokens[index] for name, index in named.items() if index is not None}


def _chat_template(folder: Path, settings: dict[str, Any]) -> str:
    path = folder / "chat_template.jinja"
    template = path.read_text(encoding="utf-8") if path.exists() else settings.get("chat_template")
    if not isinstance(template, str) or not template:
        raise ModelError("the tokenizer has no chat template", where=str(folder))
    return template


def _end_of_turn(template: str, tokens: dict[str, str], special: list[str], folder: Path) -> str:
    answer = "narrowcast"
    turns = [Message("user", "a"), Message("assistant", answer)]
    pieces = prompt_pieces(template_renderer(template, tokens, generate=False), turns, special)
    after = next((i for i, piece in enumerate(pieces) if answer in piece.text), len(pieces))
    if after + 1 >= len(pieces) or not pieces[after].text.endswith(answer):
        raise ModelError("the chat template does not end an answer with a special token", where=str(folder))
    return pieces[after + 1].text


def _generation_ends(folder: Path) -> list[int]:
    path = folder / "generation_config.json"
    ends = _json(path).get("eos_token_id") if path.exists() else None
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)


def _adds_bos(tokenizer: dict[str, Any], bos: int | None, tokens: list[str]) -> bool:
    """Whether encoding a text puts the beginning-of-sequence token first."""
    if bos is None:
        return False
    processor = tokenizer.get("post_processor") or {}
    steps = processor.get("processors", [processor])
    firsts = [step["single"][0] for step in steps if step.get("type") == "TemplateProcessing"]
    return any(first.get("SpecialToken", {}).get("id") == tokens[bos] for first in firsts)
