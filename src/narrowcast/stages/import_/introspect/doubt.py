"""What is against a mapping, and the rows that it was tried on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from narrowcast.core.example import Example

DOUBTFUL = 0.75
LEAST_ROWS = 20  # fewer accepted rows say nothing about their targets


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something against a mapping; the confidence is at most `most`, and less by `minus`."""

    what: str
    most: float = 1.0
    minus: float = 0.0


@dataclass(slots=True)
class Trial:
    """What a mapper makes of some rows."""

    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    details: dict[str, str] = field(default_factory=dict)
    """Of the first row rejected for each reason."""
    accepted: list[tuple[dict[str, Any], Example]] = field(default_factory=list)
    """Rows with what became of them."""


def as_text(value: Any) -> str:
    """A value as JSON, the same for equal values."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
