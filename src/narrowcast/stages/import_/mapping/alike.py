"""Labels that look alike: they differ by case, composition, punctuation, or characters that are not seen."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from narrowcast.errors import DataError
from narrowcast.stages.import_.mapping.base import Role

_MOST = 5
ROLE = Role(
    "alike",
    "what becomes of labels that look alike: refuse, join (in the most frequent spelling) or keep",
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
    """One form for all labels that look alike, in lower case: it compares them, and is not what they become.

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


class Joining:
    """The spelling that `alike=join` gives to labels that look alike; a label without a double keeps its own.

    Until `settle` is called, it is the first that was met.

    Attributes:
        on: whether the map asks for it.
        counted: how often each spelling was met.
    """

    def __init__(self, field_map: Mapping[str, str]) -> None:
        self.on = field_map.get("alike") == "join"
        self.counted: Counter[str] = Counter()
        self._spellings: dict[str, str] = {}
        self._known: dict[str, str] = {}

    def settle(self, known: Iterable[str], counted: Counter[str]) -> None:
        """Take the spelling of a label that the project has; of others, the most frequent.

        Args:
            known: labels of the project, the first of those that look alike first.
            counted: spellings in all rows; of equally frequent ones, the first.
        """
        for label in (*known, *(label for label, _ in counted.most_common())):
            self._spellings.setdefault(joined(label), label)

    def label(self, label: str) -> str:
        """The label as it is to be written."""
        if not self.on:
            return label
        self.counted[label] += 1
        if label not in self._known:
            self._known[label] = self._spellings.setdefault(joined(label), label)
        return self._known[label]

    def types(self, spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Spans with their types as they are to be written."""
        return [{**span, "type": self.label(span["type"])} for span in spans] if self.on else spans


@runtime_checkable
class JoinsLabels(Protocol):
    """A mapper that can write labels that look alike in one spelling."""

    joining: Joining
    """Which spelling, settled before the first row is stored."""


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
