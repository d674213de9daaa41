"""Rows on their way in: what a connector yields and what a mapper makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from narrowcast.core.example import Example

# The error of a row whose record was deleted on request; nothing of it is kept.
FORGOTTEN = "forgotten on request"

# The error of a sentinel that stands for a record that was not asked for.
FILTERED = "left out by where"


# Not frozen: a frozen one takes three times as long to build, and imports build millions.
@dataclass(slots=True)
class SourceRow:
    """One record of a source.

    `index` counts records from 0 in the order of the source. A record that could not be parsed is a
    sentinel: `error` says why, `raw` holds (the start of) its text, `data` is empty. `record` is the number
    of the record that this row was cut from with others, None where a record is one row.
    """

    index: int
    data: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    raw: str | None = None
    record: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The stored form; see `from_dict`."""
        if self.error is None and self.record is None:
            return {"index": self.index, "data": self.data}
        if self.error is None:
            return {"index": self.index, "record": self.record, "data": self.data}
        return {"index": self.index, "error": self.error, "raw": self.raw}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> SourceRow:
        """Inverse of `to_dict`."""
        if len(value) == 2:
            return cls(value["index"], value["data"])
        return cls(
            value["index"], value.get("data") or {}, value.get("error"), value.get("raw"), value.get("record")
        )


@dataclass(slots=True)
class TransformedRow:
    """A source row that became an example."""

    index: int
    example: Example


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A source row that did not, with a stable reason code and a detail for the reader."""

    index: int
    reason: str
    detail: str = ""
    data: dict[str, Any] | None = None
    raw: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The stored form."""
        return {
            "index": self.index,
            "reason": self.reason,
            "detail": self.detail,
            "data": self.data,
            "raw": self.raw,
        }
