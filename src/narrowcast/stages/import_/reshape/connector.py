"""A source with its lists taken apart, with derived columns, and without rows that were not asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from narrowcast.connectors.base import Connector, SourceDescription
from narrowcast.core.config import SourceSpec
from narrowcast.core.hashing import content_hash
from narrowcast.core.row import FILTERED, SourceRow
from narrowcast.errors import UsageError
from narrowcast.stages.import_.mapping.base import getter, with_value
from narrowcast.stages.import_.reshape.expression import Expression
from narrowcast.stages.import_.reshape.values import ExpressionError
from narrowcast.store.forgotten import withheld

# Rows in which the columns that expressions name are looked for.
_HEAD = 1_000
_RAW_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Reshape:
    """What is done to each row, in this order: `explode`, `derive`, `where`."""

    explode: str | None
    derive: tuple[tuple[str, Expression], ...]
    where: Expression | None

    @classmethod
    def of(cls, spec: SourceSpec) -> Reshape:
        """As a source is asked for.

        Raises:
            UsageError: for an expression that cannot be read.
        """
        derived = tuple(_named(text) for text in spec.derive)
        where = Expression.parse(spec.where) if spec.where else None
        return cls(spec.explode or None, derived, where)

    def __bool__(self) -> bool:
        return bool(self.explode or self.derive or self.where)

    @property
    def origin(self) -> dict[str, str]:
        """What names this change in the record of an import."""
        parts = {
            "explode": self.explode or "",
            "derive": "; ".join(f"{name} = {each.text}" for name, each in self.derive),
            "where": self.where.text if self.where else "",
        }
        return {name: text for name, text in parts.items() if text}

    def rows(self, rows: Iterable[SourceRow]) -> Iterator[SourceRow]:
        """The rows, numbered anew where lists are taken apart; one that is left out keeps its number."""
        number = 0
        for row in rows:
            for part in self._parts(row):
                yield self._changed(part, number)
                number += 1

    def _parts(self, row: SourceRow) -> list[SourceRow]:
        if self.explode is None or row.error is not None:
            return [row]
        values = getter(self.explode)(row.data)
        if not isinstance(values, list) or not values:
            return [SourceRow(row.index, error=f"{self.explode} holds no list", raw=_raw(row.data))]
        record = row.index if len(values) > 1 else None
        return [
            SourceRow(row.index, with_value(row.data, self.explode, value), record=record) for value in values
        ]

    def _changed(self, row: SourceRow, number: int) -> SourceRow:
        if row.error is not None:
            return SourceRow(number, error=row.error, raw=row.raw)
        data = row.data
        try:
            for name, expression in self.derive:
                data = {**data, name: expression.value(data)}
            if self.where is not None and not self.where.holds(data):
                return SourceRow(number, error=FILTERED, raw=_raw(data))
        except ExpressionError as error:
            return SourceRow(number, error=str(error), raw=_raw(row.data))
        return SourceRow(number, data, record=row.record)

    def refuse_unknown(self, rows: Iterable[SourceRow], described: Sequence[str]) -> None:
        """Find a misspelt column before all rows are read.

        Raises:
            UsageError: names the columns there are.
        """
        known = dict.fromkeys(described)
        for row in islice(rows, _HEAD):
            known.update(dict.fromkeys(row.data))
        wanted_names = [self.explode] if self.explode else []
        for name, expression in self.derive:
            wanted_names += [each for each in expression.columns if each not in known]
            known[name] = None
        wanted_names += self.where.columns if self.where else ()
        unknown = [each for each in wanted_names if each not in known and each.partition(".")[0] not in known]
        if unknown:
            raise UsageError(
                f"the source has no column {', '.join(repr(each) for each in dict.fromkeys(unknown))}",
                where=f"columns: {', '.join(known)}",
                next_command="name one of these in --derive, --where and --explode; texts are quoted",
                reason_code="dataset_request_invalid",
            )


class ReshapedConnector:
    """Reads what another connector does, with each row changed."""

    def __init__(self, inner: Connector, reshape: Reshape, forgotten: frozenset[str] = frozenset()) -> None:
        """`forgotten`: hashes of records deleted on request; these stay away however they are changed."""
        self._inner = inner
        self._reshape = reshape
        self._forgotten = forgotten

    def describe(self) -> SourceDescription:
        """As the inner one; with derived columns, and what names the change.

        Raises:
            UsageError: where an expression names a column that the rows do not have.
        """
        description = self._inner.describe()
        self._reshape.refuse_unknown(self._inner.load(), description.columns)
        derived = [name for name, _ in self._reshape.derive if name not in description.columns]
        return description.model_copy(
            update={
                "columns": [*description.columns, *derived],
                "origin": {**description.origin, **self._reshape.origin},
            }
        )

    def fingerprint(self) -> str:
        """The inner one's with the change, empty where it has none."""
        own = getattr(self._inner, "fingerprint", None)
        content = own() if own else ""
        return f"{content} reshaped {content_hash(self._reshape.origin)[:16]}" if content else ""

    def load(self) -> Iterator[SourceRow]:
        """Every row, changed."""
        return self._reshape.rows(withheld(self._inner.load(), self._forgotten))


def _named(text: str) -> tuple[str, Expression]:
    name, equals, expression = text.partition("=")
    if not equals or not name.strip() or not expression.strip():
        raise UsageError(
            "a derived column is NAME = EXPRESSION",
            where=text,
            next_command="for example 'label = scenario + \"_\" + intent'",
            reason_code="dataset_request_invalid",
        )
    return name.strip().strip("`"), Expression.parse(expression.strip())


def _raw(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, default=str)[:_RAW_CHARS]
