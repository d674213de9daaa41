"""Labels that look alike: they differ by case, composition, punctuation, or characters that are not seen."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from narrowcast.errors import DataError
from narrowcast.stages.import_.mapping.base import Role

_MOST = 5
ROLE = Role(
    "alike",
    "what becomes of labels that look alike: refuse, join (in lower case) or keep",
    required=False,
    literal=True,
    words=("refuse", "join", "keep"),
)

# Cyrillic and Greek letters that look like Latin ones.
_LOOKS = str.maketrans("АВЕКМНОРСТХаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEKMHOPCTXaeopcyxijsABEZHIKMNOPTYXo")
_LATIN = re.compile("[A-Za-z]")
_SIGNS = str.maketrans(
    {**dict.fromkeys("‐‑‒–—−", "-"), **dict.fromkeys("‘’‛ʼ`´", "'"), **dict.fromkeys("“”„", '"')}
)
_BETWEEN_WORDS = re.compile(r"(?<=\w)[-_](?=\w)")
_WHOLE = re.compile(r"([-+]?\d+)\.0+")

# Differences that a reader sees, and what they are taken out by, in this order.
_SEEN: dict[str, Callable[[str], str]] = {
    "case": str.lower,
    "a hyphen or underscore": lambda label: _BETWEEN_WORDS.sub(" ", label),
    "double spaces": lambda label: re.sub(" {2,}", " ", label),
    "a full stop": lambda label: label.removesuffix("."),
    "a fraction of 0": lambda label: _WHOLE.sub(r"\1", label),
}


def joined(label: str) -> str:
    """One form for all labels that look alike, in lower case.

    It is composed; spaces, dashes, quotes and wide letters are the plain ones, and characters that take no
    place are left out. So are a hyphen or underscore between words and a full stop at the end; `1.0` is `1`.
    In a word with Latin letters, letters of other scripts that look like one are that.
    """
    text = "".join(
        each for each in unicodedata.normalize("NFKC", label) if unicodedata.category(each) != "Cf"
    )
    text = " ".join(text.translate(_SIGNS).split())
    whole = _WHOLE.fullmatch(text)
    if whole:
        return whole[1]
    text = " ".join(_latin(word) for word in _BETWEEN_WORDS.sub(" ", text).split())
    if text.endswith(".") and "." not in text[:-1]:
        text = text[:-1]
    return text.lower()


def _latin(word: str) -> str:
    return word.translate(_LOOKS) if _LATIN.search(word) else word


def joined_types(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Spans with their types in the form that all that look alike have."""
    return [{**span, "type": joined(span["type"])} for span in spans]


def alike(labels: Iterable[str]) -> list[list[str]]:
    """Groups of labels that look alike, two and more in each, in their order."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[joined(label)].append(label)
    return [group for group in groups.values() if len(group) > 1]


def refuse_alike(labels: Iterable[str], where: str) -> None:
    """Let no labels become classes of their own that differ in next to nothing.

    Raises:
        DataError: with what each group differs by, in a line of its own.
    """
    groups = alike(labels)
    if groups:
        lines = [f"{' and '.join(map(repr, group))} ({_difference(group)})" for group in groups[:_MOST]]
        more = [f"and {len(groups) - _MOST:,} more"] * (len(groups) > _MOST)
        count = sum(map(len, groups))
        raise DataError(
            f"{count} labels look alike and would be classes of their own",
            where=where,
            next_command="--map alike=join makes one label of them; --map alike=keep leaves them apart",
            reason_code="dataset_rows_rejected",
            details=[*lines, *more],
        )


def _difference(group: list[str]) -> str:
    """`differ by case, U+0042 and U+0062`; code points alone where there is a difference that nobody sees."""
    if len(_without(group, "")) > 1:
        shared = set.intersection(*(set(label) for label in group))
        return "; ".join(_points(label, shared) for label in group)
    kinds = [name for name in _SEEN if len(_without(group, name)) > 1]
    apart = next((each for each in map(set, zip(*group, strict=False)) if len(each) > 1), set[str]())
    points = " and ".join(f"U+{ord(each):04X}" for each in sorted(apart))
    return f"differ by {' and '.join(kinds)}{f', {points}' if kinds == ['case'] and points else ''}"


def _without(group: list[str], kept: str) -> set[str]:
    """The labels without the differences that are seen, except for one kind."""
    forms = set(group)
    for name, form in _SEEN.items():
        if name != kept:
            forms = {form(label) for label in forms}
    return forms


def _points(label: str, shared: set[str]) -> str:
    own = [f"U+{ord(each):04X}" for each in label if each not in shared]
    return " ".join(own[:_MOST]) or f"{len(label)} characters"
