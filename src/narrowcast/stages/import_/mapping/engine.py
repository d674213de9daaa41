"""The mapping loop: source rows in, a `TransformedRow` or a `RejectedRow` out for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.names import Provenance, Split
from narrowcast.core.row import FILTERED, FORGOTTEN, RejectedRow, SourceRow, TransformedRow
from narrowcast.stages.import_.mapping import MAPPERS
from narrowcast.stages.import_.mapping.alike import JoinsLabels
from narrowcast.stages.import_.mapping.base import (
    DividesRecords,
    GathersRecords,
    Mapper,
    getter,
    optional_getter,
)
from narrowcast.stages.import_.mapping.reasons import REJECTIONS, RejectRow, own_reasons

_SPLIT_WORDS = {
    "train": Split.TRAIN,
    "training": Split.TRAIN,
    "dev": Split.DEV,
    "val": Split.DEV,
    "valid": Split.DEV,
    "validation": Split.DEV,
    "test": Split.TEST,
    "testing": Split.TEST,
    "golden": Split.GOLDEN,
    "gold": Split.GOLDEN,
}

_UNREAD = {FORGOTTEN: "forgotten", FILTERED: "filtered_out"}
_GOOD = (
    "true",
    "yes",
    "y",
    "1",
    "good",
    "up",
    "thumbs up",
    "like",
    "liked",
    "positive",
    "desirable",
    "chosen",
    "accept",
    "accepted",
    "👍",
)
_BAD = ("false", "no", "n", "0", "-1", "bad", "down", "thumbs down", "dislike", "disliked", "negative",
        "undesirable", "rejected", "reject", "ignore", "ignored", "skip",
        "skipped", "👎")  # fmt: skip
_RATINGS = {**dict.fromkeys(_GOOD, True), **dict.fromkeys(_BAD, False)}


class RowMapping:
    """A mapper with everything that is the same for all rows of one import.

    Args:
        mapper: built from the same field map.
        field_map: may also name the columns `group`, `split` and `rating`.
        source: id of the import, for the examples.
        into: the split of all rows, where the whole source is imported into one.
        provenance: who wrote the answers.
    """

    def __init__(
        self,
        mapper: Mapper,
        field_map: Mapping[str, str],
        source: str,
        into: Split | None = None,
        provenance: Provenance = Provenance.HUMAN,
    ) -> None:
        self._mapper = mapper
        self._transform = mapper.transform
        self._reasons = REJECTIONS.keys() | own_reasons(mapper).keys()
        self._group = optional_getter(field_map, "group")
        own = any(role.name == "rating" for role in mapper.roles)
        self._rating = None if own else optional_getter(field_map, "rating")
        self._split = getter(field_map["split"]) if "split" in field_map and into is None else None
        self._source = source
        self._into = into
        self._provenance = provenance

    def map(self, row: SourceRow) -> TransformedRow | RejectedRow:
        """One row; never raises for what is in it."""
        if row.error is not None:
            return RejectedRow(row.index, _UNREAD.get(row.error, "parse_error"), row.error, raw=row.raw)
        try:
            if self._rating is not None:
                refuse_bad(self._rating(row.data))
            inputs, target = self._transform(row.data)
            group, split = self._group_of(row), self._split_of(row)
        except RejectRow as rejection:
            if rejection.reason not in self._reasons:
                raise self._undeclared(rejection.reason) from rejection
            return RejectedRow(row.index, rejection.reason, rejection.detail, data=row.data)
        example = Example(inputs, target, self._source, row.index, group, split, self._provenance)
        return TransformedRow(row.index, example)

    def _undeclared(self, reason: str) -> Exception:
        """A mistake in the mapper: ledgers count reasons whose meaning is known."""
        what = f"rejected a row for {reason!r}, a reason that it does not declare"
        return MAPPERS.fault(self._mapper.id, what) or ValueError(f"{self._mapper.id} {what}")

    def _group_of(self, row: SourceRow) -> str | None:
        value = self._group(row.data) if self._group else None
        if value is None or value == "":
            return None if row.record is None else f"{self._source}:record {row.record}"
        return str(value)

    def _split_of(self, row: SourceRow) -> Split | None:
        if self._split is None:
            return self._into
        value = self._split(row.data)
        if value is None or value == "":
            return None
        for word in str(value).lower().replace("-", "_").split("_"):
            if word in _SPLIT_WORDS:
                return _SPLIT_WORDS[word]
        raise RejectRow("unknown_split", str(value)[:80])

    def map_all(self, rows: Iterable[SourceRow]) -> Iterator[TransformedRow | RejectedRow]:
        """Every row, in order, lazily."""
        return map(self.map, rows)


def refuse_bad(value: Any) -> None:
    """Let an answer pass that is rated as good, or not at all.

    Raises:
        RejectRow: `rated_bad` or `unknown_rating`.
    """
    good = is_good(value)
    if good is None and value is not None and value != "":
        raise RejectRow("unknown_rating", str(value)[:80])
    if good is False:
        raise RejectRow("rated_bad", str(value)[:80])


def is_good(value: Any) -> bool | None:
    """What a rating says; None where it is not known."""
    if isinstance(value, bool | int | float) and value in (0, 1, -1):
        return value == 1
    return _RATINGS.get(value.strip().casefold().replace("_", " ")) if isinstance(value, str) else None


def divided(rows: Iterable[SourceRow], mapper: Mapper) -> Iterator[SourceRow]:
    """The rows that a mapper makes of records, numbered anew; those of one record know its number."""
    if isinstance(mapper, GathersRecords):
        for number, row in enumerate(mapper.gathered(rows)):
            yield SourceRow(number, row.data, row.error, row.raw, row.record)
        return
    if not isinstance(mapper, DividesRecords):
        yield from rows
        return
    number = 0
    for row in rows:
        parts = mapper.records(row.data) if row.error is None else [row.data]
        if len(parts) == 1 and parts[0] is row.data and row.index == number:
            yield row
            number += 1
            continue
        for part in parts:
            record = row.index if len(parts) > 1 and row.record is None else row.record
            yield SourceRow(number, dict(part), row.error, row.raw, record)
            number += 1


def settle_spellings(
    mapper: Mapper, field_map: Mapping[str, str], rows: Iterable[SourceRow], known: Iterable[str]
) -> None:
    """Settle which of the labels that look alike are written, where the map asks to join them.

    Args:
        mapper: that is to map the rows.
        field_map: that it was built from.
        rows: all of them, read once; not read where nothing is joined.
        known: labels of the project, whose spellings stay.
    """
    if not isinstance(mapper, JoinsLabels) or not mapper.joining.on:
        return
    first: Mapper = MAPPERS.get(mapper.id)(field_map)
    assert isinstance(first, JoinsLabels)
    for _ in RowMapping(first, field_map, "spellings").map_all(rows):
        pass
    mapper.joining.settle(known, first.joining.counted)


@dataclass(slots=True)
class DryRun:
    """What an import would do: exact counts over all rows, and a few of them to look at."""

    rows: int = 0
    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    sample: list[Example] = field(default_factory=list)
    rejected_sample: dict[str, list[RejectedRow]] = field(default_factory=dict)


def dry_run(
    outcomes: Iterable[TransformedRow | RejectedRow], *, drop: frozenset[str] = frozenset(), show: int = 5
) -> DryRun:
    """Count every outcome, keep the first `show` accepted rows and rejects of each reason.

    Reasons in `drop` are left out of the sample; the counts hold them all the same.
    """
    result = DryRun()
    for outcome in outcomes:
        result.rows += 1
        if isinstance(outcome, TransformedRow):
            result.accepted += 1
            if len(result.sample) < show:
                result.sample.append(outcome.example)
            continue
        result.rejected[outcome.reason] += 1
        if outcome.reason not in drop:
            kept = result.rejected_sample.setdefault(outcome.reason, [])
            if len(kept) < show:
                kept.append(outcome)
    return result
