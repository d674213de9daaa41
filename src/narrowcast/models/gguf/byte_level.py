"""Byte-level BPE: llama.cpp knows the splitting of a `tokenizer.json` by a name, or not at all.

It would tokenise a splitting that is not named here differently after export, without a sound: it is refused.
GPT-4o's (Phi-4) is not here: llama.cpp's splits combining marks off their words (Hindi, decomposed accents).
"""

from __future__ import annotations

from typing import Any

_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
_REST = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
QWEN2 = f"{_CONTRACTIONS}\\p{{N}}{_REST}"
LLAMA3 = f"{_CONTRACTIONS}\\p{{N}}{{1,3}}{_REST}"

# (split, whether whole words skip the merges) → llama.cpp's name; `src/llama-vocab.cpp` is the reference.
_PRE_TOKENIZERS = {
    (QWEN2, False): "qwen2",
    (LLAMA3, True): "llama-bpe",
    (LLAMA3, False): "smaug-bpe",
    ("digits+gpt2", False): "smollm",
    ("gpt2", False): "gpt-2",
}


def byte_level_problems(tokenizer: dict[str, Any]) -> list[str]:
    """What of a `tokenizer.json` llama.cpp would do otherwise."""
    model, problems = tokenizer.get("model", {}), []
    if model.get("type") != "BPE":
        problems.append(f"its model is {model.get('type')}")
    settings = ("dropout", "byte_fallback", "continuing_subword_prefix", "end_of_word_suffix")
    problems += [f"{name} is set" for name in settings if model.get(name)]
    if normalizer(tokenizer) not in ("", "NFC"):
        problems.append(f"its normaliser is {normalizer(tokenizer)}")
    if not problems and pre_tokenizer(tokenizer) is None:
        problems.append(f"its pre-tokeniser is none of {', '.join(sorted(set(_PRE_TOKENIZERS.values())))}")
    return problems


def normalizer(tokenizer: dict[str, Any]) -> str:
    """The kind of a `tokenizer.json`'s normaliser; empty where it has none."""
    return str((tokenizer.get("normalizer") or {}).get("type", ""))


def pre_tokenizer(tokenizer: dict[str, Any]) -> str | None:
    """llama.cpp's name of the splitting, or None."""
    whole_words = bool(tokenizer["model"].get("ignore_merges"))
    return _PRE_TOKENIZERS.get((_split(tokenizer.get("pre_tokenizer") or {}), whole_words))


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
