"""What was found in a text, where, and how the text reads without it. A finding never holds the value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Family = Literal["pii", "secret"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`text[start:end]` looks like a `kind`; `score` from 0 to 1 says how surely."""

    family: Family
    kind: str
    start: int
    end: int
    score: float

    def to_dict(self, where: str) -> dict[str, Any]:
        """The stored form; `where` is the path of the text in its row, e.g. `messages.0.content`."""
        return {
            "family": self.family,
            "kind": self.kind,
            "where": where,
            "start": self.start,
            "end": self.end,
            "score": self.score,
        }


def without_overlaps(findings: Iterable[Finding], strictness: Callable[[Finding], int]) -> list[Finding]:
    """Where findings overlap, one stays: that of the strictest policy, then the surer, then the longer one.

    Args:
        findings: of one text, in any order.
        strictness: of the policy for a finding; 0 is one that hides nothing. Of two that are to be hidden,
            the one that stays covers both, so that no part of either is left.
    """
    kept: list[Finding] = []

    def order(found: Finding) -> tuple[float, ...]:
        return (-strictness(found), -found.score, found.start - found.end, found.start)

    for each in sorted(findings, key=order):
        over = [other for other in kept if each.start < other.end and other.start < each.end]
        if not over:
            kept.append(each)
        elif strictness(each):
            whole = [each, *over]
            start, end = min(found.start for found in whole), max(found.end for found in whole)
            kept = [other for other in kept if other not in over]
            kept.append(replace(over[0], start=start, end=end))
    return sorted(kept, key=lambda found: found.start)


def redacted(text: str, findings: Sequence[Finding]) -> str:
    """The text with `[KIND]` in place of each finding; they do not overlap and are in order."""
    parts, position = [], 0
    for each in findings:
        parts += [text[position : each.start], f"[{each.kind}]"]
        position = each.end
    return "".join([*parts, text[position:]])
