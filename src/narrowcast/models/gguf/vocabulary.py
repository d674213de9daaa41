"""A `tokenizer.json` as GGUF holds it: tokens with types, merges, named special tokens, pre-tokeniser.

llama.cpp knows pre-tokenisers by name alone, so a tokenizer whose splitting is not one of those named here
would be tokenised differently after export, without a sound: it is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.core.message import Message
from narrowcast.errors import ModelError
from narrowcast.models.template import prompt_pieces, template_renderer

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5  # llama.cpp's token types

_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
_REST = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
_QWEN2 = f"{_CONTRACTIONS}\\p{{N}}{_REST}"
_LLAMA3 = f"{_CONTRACTIONS}\\p{{N}}{{1,3}}{_REST}"

# (split, whether whole words skip the merges) → llama.cpp's name; `src/llama-vocab.cpp` is the reference.
_PRE_TOKENIZERS = {
    (_QWEN2, False): "qwen2",
    (_LLAMA3, True): "llama-bpe",
    (_LLAMA3, False): "smaug-bpe",
    ("digits+gpt2", False): "smollm",
    ("gpt2", False): "gpt-2",
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the GGUF metadata needs. Ids are None where the tokenizer has no such token."""

    tokens: list[str]
    types: list[int]
    merges: list[str]
    pre: str
    normalizer: str
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
    model = tokenizer.get("model", {})
    _check_bpe(model, tokenizer.get("added_tokens", []), folder)
    tokens, types = _tokens(model["vocab"], tokenizer.get("added_tokens", []), size, folder)
    ids = {token: index for index, token in enumerate(tokens)}
    named = {name: _named(settings.get(name), ids) for name in ("bos_token", "eos_token", "pad_token")}
    template = _chat_template(folder, settings)
    special = [token for token, kind in zip(tokens, types, strict=True) if kind == CONTROL]
    end = ids[_end_of_turn(template, _texts(named, tokens), special, folder)]
    eos = end if named["eos_token"] is None else named["eos_token"]
    return Vocabulary(
        tokens=tokens,
        types=types,
        merges=[pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]],
        pre=_pre_tokenizer(tokenizer, folder),
        normalizer=_normalizer(tokenizer, folder),
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


def _check_bpe(model: dict[str, Any], added: list[dict[str, Any]], folder: Path) -> None:
    problems = []
    if model.get("type") != "BPE":
        problems.append(f"its model is {model.get('type')}")
    settings = ("dropout", "byte_fallback", "continuing_subword_prefix", "end_of_word_suffix")
    problems += [f"{name} is set" for name in settings if model.get(name)]
    for flag in ("lstrip", "rstrip", "single_word"):
        problems += [f"added token {token['content']!r} has {flag}" for token in added if token.get(flag)]
    if problems:
        _refuse("; ".join(problems[:3]), folder)


def _refuse(problem: str, folder: Path) -> None:
    raise ModelError(
        f"llama.cpp would tokenise differently: {problem}",
        where=str(folder / "tokenizer.json"),
        next_command="narrowcast export --formats adapter,merged",
    )


def _tokens(
    vocab: dict[str, int], added: list[dict[str, Any]], size: int, folder: Path
) -> tuple[list[str], list[int]]:
    texts = {index: token for token, index in vocab.items()}
    kinds = dict.fromkeys(texts, NORMAL)
    for token in added:
        texts[token["id"]] = token["content"]
        kinds[token["id"]] = CONTROL if token.get("special") else USER_DEFINED
    if max(texts) >= size:
        raise ModelError(
            f"the tokenizer has {max(texts) + 1} tokens, the embedding {size} rows", where=str(folder)
        )
    tokens = [texts.get(index, f"[PAD{index}]") for index in range(size)]
    return tokens, [kinds.get(index, UNUSED) for index in range(size)]


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


def _pre_tokenizer(tokenizer: dict[str, Any], folder: Path) -> str:
    whole_words = bool(tokenizer["model"].get("ignore_merges"))
    name = _PRE_TOKENIZERS.get((_split(tokenizer.get("pre_tokenizer") or {}), whole_words))
    if name is None:
        known = ", ".join(sorted(set(_PRE_TOKENIZERS.values())))
        _refuse(f"its pre-tokeniser is none of {known}", folder)
    return str(name)


def splitting(pre: str) -> tuple[dict[str, Any], bool]:
    """The pre-tokeniser of a `tokenizer.json` that llama.cpp calls `pre`; whether whole words skip merges.

    Raises:
        KeyError: for a name that is not in the table.
    """
    split, whole_words = {name: key for key, name in _PRE_TOKENIZERS.items()}[pre]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    if split == "gpt2":
        return byte_level, whole_words
    if split == "digits+gpt2":
        first: dict[str, Any] = {"type": "Digits", "individual_digits": True}
    else:
        first = {"type": "Split", "pattern": {"Regex": split}, "behavior": "Isolated", "invert": False}
        byte_level["use_regex"] = False
    return {"type": "Sequence", "pretokenizers": [first, byte_level]}, whole_words


def _split(pre: dict[str, Any]) -> str:
    """The splitting regular expression, or a short name for the built-in ones; empty where unknown."""
    steps = pre.get("pretokenizers", [pre])
    last = steps[-1]
    if last.get("type") != "ByteLevel" or last.get("add_prefix_space"):
        return ""
    before = steps[:-1]
    if last.get("use_regex", True):
        digits = [step for step in before if step.get("type") == "Digits" and step.get("individual_digits")]
        return "gpt2" if not before else "digits+gpt2" if before == digits and len(before) == 1 else ""
    if len(before) != 1 or before[0].get("type") != "Split":
        return ""
    plain = before[0].get("behavior") == "Isolated" and not before[0].get("invert")
    return str(before[0]["pattern"].get("Regex", "")) if plain else ""


def _normalizer(tokenizer: dict[str, Any], folder: Path) -> str:
    kind = (tokenizer.get("normalizer") or {}).get("type", "")
    if kind not in ("", "NFC"):
        _refuse(f"its normaliser is {kind}", folder)
    return str(kind)


def _adds_bos(tokenizer: dict[str, Any], bos: int | None, tokens: list[str]) -> bool:
    """Whether encoding a text puts the beginning-of-sequence token first."""
    if bos is None:
        return False
    processor = tokenizer.get("post_processor") or {}
    steps = processor.get("processors", [processor])
    firsts = [step["single"][0] for step in steps if step.get("type") == "TemplateProcessing"]
    return any(first.get("SpecialToken", {}).get("id") == tokens[bos] for first in firsts)
