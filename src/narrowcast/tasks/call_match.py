"""Whether the calls that were made are the calls that were wanted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_IGNORED = re.compile(r"[ ,./\-_*^]")


@dataclass(frozen=True, slots=True)
class CallMatch:
    """One row: all calls right, all functions right, and how many wanted arguments are right."""

    calls: bool = False
    tools: bool = False
    arguments_right: int = 0


def match_calls(wanted: Sequence[Mapping[str, Any]], made: Sequence[Mapping[str, Any]]) -> CallMatch:
    """Pair wanted calls with calls of the same function, those that fit first, the others by likeness.

    A pair is right where the wanted arguments have accepted values and nothing else is given.
    """
    unused, unmatched, right_arguments = list(made), [], 0
    for call in wanted:
        fitting = next((each for each in unused if each["name"] == call["name"] and _fits(call, each)), None)
        if fitting is None:
            unmatched.append(call)
            continue
        unused.remove(fitting)
        right_arguments += _right(call, fitting)
    all_right = not unused and not unmatched
    for call in unmatched:
        same = [each for each in unused if each["name"] == call["name"]]
        if same:
            best = max(same, key=lambda each: _right(call, each))
            unused.remove(best)
            right_arguments += _right(call, best)
    names = Counter(each["name"] for each in made) == Counter(each["name"] for each in wanted)
    return CallMatch(all_right, names, right_arguments)


def _right(wanted: Mapping[str, Any], made: Mapping[str, Any]) -> int:
    return sum(
        name in made["arguments"] and _is_accepted(wanted, name, made["arguments"][name])
        for name in wanted["arguments"]
    )


def _fits(wanted: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    accepted = wanted.get("accepted")
    known = accepted if accepted is not None else wanted["arguments"]
    given = made["arguments"]
    if any(name not in known or not _is_accepted(wanted, name, given[name]) for name in given):
        return False
    optional = {name for name, values in known.items() if accepted is not None and "" in values}
    return all(name in given for name in known if name not in optional)


def _is_accepted(wanted: Mapping[str, Any], name: str, value: Any) -> bool:
    accepted = wanted.get("accepted")
    if accepted is None:
        return bool(_plain(wanted["arguments"][name]) == _plain(value))
    return any(_equal(each, value) for each in accepted.get(name, ()))


def _equal(accepted: Any, value: Any) -> bool:
    """Inside an accepted object each key holds the list of its accepted values."""
    if isinstance(accepted, Mapping) and isinstance(value, Mapping):
        optional = {key for key, each in accepted.items() if isinstance(each, list) and "" in each}
        if not accepted.keys() - optional <= value.keys() <= accepted.keys():
            return False
        return all(_is_option(accepted[key], each) for key, each in value.items())
    if isinstance(accepted, list) and isinstance(value, list):
        return len(accepted) == len(value) and all(map(_equal, accepted, value))
    return bool(_plain(accepted) == _plain(value))


def _is_option(accepted: Any, value: Any) -> bool:
    options = accepted if isinstance(accepted, list) else [accepted]
    return any(_equal(option, value) for option in options)


def _plain(value: Any) -> Any:
    """Texts without case and punctuation; 1 equals 1.0, but not true."""
    if isinstance(value, str):
        return _IGNORED.sub("", value).casefold().replace("'", '"')
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
