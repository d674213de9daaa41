"""What was found in a text, where, and how the text reads without it. A finding never holds the value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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


def without_overlaps(findings: Iterable[Finding]) -> list[Finding]:
    """Where findings overlap, the surer one, then the longer one, stays."""
    kept: list[Finding] = []
    for each in sorted(findings, key=lambda found: (-found.score, found.start - found.end, found.start)):
        if all(each.end <= other.start or each.start >= other.end for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda found: found.start)


def redacted(text: str, findings: Sequence[Finding]) -> str:
    """The text with `[KIND]` in place of each finding; they do not overlap and are in order."""
    parts, position = [], 0
    for each in findings:
        parts += [text[position : each.start], f"[{each.kind}]"]
        position = each.end
    return "".join([*parts, text[position:]])
