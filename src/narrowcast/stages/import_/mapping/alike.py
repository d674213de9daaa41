"""Labels that look alike: they differ by case, composition, or characters that are not seen."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from narrowcast.errors import DataError
from narrowcast.stages.import_.mapping.base import Role

ALIKE = Role(
    "alike",
    "what becomes of labels that look alike: refuse, join (in lower case) or keep",
    required=False,
    literal=True,
    words=("refuse", "join", "keep"),
)
"""A field of every mapper of labels."""

_MOST = 5


def seen(label: str) -> str:
    """The label as it looks: composed, with plain spaces, without characters that take no place."""
    text = "".join(each for each in unicodedata.normalize("NFC", label) if unicodedata.category(each) != "Cf")
    return " ".join(text.split())


def joined(label: str) -> str:
    """One form for all labels that look alike: as it looks, in lower case."""
    return seen(label).lower()


def alike(labels: Iterable[str]) -> list[list[str]]:
    """Groups of labels that look alike, two and more in each, in their order."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[seen(label).casefold()].append(label)
    return [group for group in groups.values() if len(group) > 1]


def refuse_alike(labels: Iterable[str], where: str) -> None:
    """Let no labels become classes of their own that differ in nothing a reader sees.

    Raises:
        DataError: with the code points in which they differ.
    """
    groups = alike(labels)
    if groups:
        named = "; ".join(_named(group) for group in groups[:_MOST])
        raise DataError(
            f"{sum(map(len, groups))} labels look alike and would be classes of their own: {named}",
            where=where,
            next_command="--map alike=join makes one label of them; --map alike=keep leaves them apart",
            reason_code="dataset_rows_rejected",
        )


def _named(group: list[str]) -> str:
    shared = set.intersection(*(set(label) for label in group))
    return " and ".join(f"{label!r} ({_points(label, shared)})" for label in group)


def _points(label: str, shared: set[str]) -> str:
    own = [f"U+{ord(each):04X}" for each in label if each not in shared]
    return " ".join(own[:_MOST]) or f"{len(label)} characters"
