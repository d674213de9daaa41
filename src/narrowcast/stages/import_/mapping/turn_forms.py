"""Lists of turns that do not say of each turn who spoke."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Names under which an object holds a request and its answer: `{"human": …, "assistant": …}`.
_ASKING = frozenset({"user", "human", "prompt", "question", "query", "instruction", "input", "customer"})
_ANSWERING = frozenset({"assistant", "gpt", "bot", "model", "ai", "response", "answer", "output", "reply"})
_TAKING_TURNS = ("user", "assistant")


def named_turns(listed: list[Any], speaks: frozenset[str]) -> list[Any]:
    """The list with a role for each turn, where its form says them; any other list as it is.

    Read are texts that take turns, the user's first; pairs of a request and its answer; pairs of a role and a
    text; objects of a request and its answer.

    Args:
        listed: as the source has it.
        speaks: names of roles, in lower case.
    """
    first = listed[0] if listed else None
    if isinstance(first, dict) and ("role" in first or "from" in first):
        return listed  # most are so
    if isinstance(first, str):
        return _taking_turns(listed) if all(isinstance(each, str) for each in listed) else listed
    if isinstance(first, list):
        if not all(map(_is_pair, listed)):
            return listed
        if all(each[0].strip().lower() in speaks for each in listed):
            return [{"role": role, "content": text} for role, text in listed]
        return _taking_turns([text for pair in listed for text in pair])
    if isinstance(first, Mapping) and asked_and_answered(first) is not None:
        pairs = [asked_and_answered(each) if isinstance(each, Mapping) else None for each in listed]
        if None not in pairs:
            return _taking_turns([text for pair in pairs if pair for text in pair])
    return listed


def asked_and_answered(value: Mapping[str, Any]) -> tuple[str, str] | None:
    """Request and answer of an object that holds one of each under their names; None for any other."""
    found: list[str] = []
    for names in (_ASKING, _ANSWERING):
        texts = [text for name, text in value.items() if name.strip().lower() in names]
        if len(texts) != 1 or not isinstance(texts[0], str):
            return None
        found.append(texts[0])
    return found[0], found[1]


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(each, str) for each in value)


def _taking_turns(texts: list[str]) -> list[dict[str, str]]:
    return [{"role": _TAKING_TURNS[place % 2], "content": text} for place, text in enumerate(texts)]
