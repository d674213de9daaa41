"""Rows to compare: those of a source, of a split, or all that were accepted into a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from narrowcast.connectors import connect
from narrowcast.connectors.base import SourceAccess
from narrowcast.connectors.text_column import find_column, strings
from narrowcast.core.example import Example
from narrowcast.core.hashing import TargetHashes
from narrowcast.core.locator import Locator
from narrowcast.core.names import Split
from narrowcast.core.progress import stoppable
from narrowcast.core.row import SourceRow
from narrowcast.core.settings import Settings
from narrowcast.core.work import Work, watched
from narrowcast.duplicates.requests import ComparisonRequest
from narrowcast.errors import DataError, UsageError
from narrowcast.pipeline.project import Project
from narrowcast.similarity.examples import comparison_text, constant_fields, input_fields
from narrowcast.store.datasets import load_manifest, split_rows
from narrowcast.store.import_rows import accepted_rows

_LABELS = ("label", "category", "intent", "target", "class", "answer", "output")


@dataclass(frozen=True, slots=True)
class RowSet:
    """Rows as they are compared; the three sequences describe the same rows, in order.

    Attributes:
        name: how the set was asked for.
        ids: of the rows: record numbers of a source, ids of examples.
        texts: what is compared.
        targets: a hash of each row's label or answer; None where the rows have none.
        unusable: how many records could not be parsed or hold no text.
        records: reads the source again, where there is one: each record, and whether it is one of the rows.
    """

    name: str
    ids: list[str]
    texts: list[str]
    targets: list[int | None]
    unusable: int = 0
    records: Callable[[], Iterator[tuple[SourceRow, bool]]] | None = None


def row_set(
    reference: str, place: Project | Settings, request: ComparisonRequest, work: Work | None = None
) -> RowSet:
    """The rows that `reference` names: `SCHEME:PATH`, `train|dev|test|golden`, or `accepted`.

    Args:
        reference: what to read.
        place: the project whose rows a split or `accepted` names; settings alone where a source is read.
        request: names the columns of a source.
        work: shows progress, and stops it.

    Raises:
        UsageError: for a wrong reference or column.
        DataError: if the rows cannot be read.
        CancelledError: on request.
    """
    work = work or Work()
    if reference == "accepted" or reference in set(Split):
        if not isinstance(place, Project):
            raise UsageError(
                "these rows belong to a project, and none was named",
                where=reference,
                next_command="narrowcast projects",
            )
        paths = place.paths
        if reference == "accepted":
            return _of_examples(reference, lambda: accepted_rows(paths), work)
        manifest = load_manifest(paths)
        return _of_examples(reference, lambda: split_rows(paths, manifest, Split(reference)), work)
    if ":" not in reference:
        raise UsageError(
            "this names no rows",
            where=reference,
            next_command="SCHEME:PATH, train, dev, test, golden, or accepted",
            reason_code="prepare_request_invalid",
        )
    settings = place.settings if isinstance(place, Project) else place
    return _of_source(reference, request, SourceAccess.of(settings), work)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Stored rows that are read anew for each pass, so that they are not in memory together."""

    read: Callable[[], Iterator[Example]]
    work: Work

    def __iter__(self) -> Iterator[Example]:
        return stoppable(self.read(), self.work.cancel)


def _of_examples(name: str, read: Callable[[], Iterator[Example]], work: Work) -> RowSet:
    rows, targets = _Rows(read, work), TargetHashes()
    constant = constant_fields(rows)
    ids: list[str] = []
    texts: list[str] = []
    hashes: list[int | None] = []
    for row in watched(rows, work):
        ids.append(row.id)
        texts.append(comparison_text(input_fields(row.inputs), constant))
        hashes.append(targets.hash(row.target))
    return RowSet(name, ids, texts, hashes)


def _of_source(name: str, request: ComparisonRequest, access: SourceAccess, work: Work) -> RowSet:
    locator = Locator.parse(name)
    connector = connect(locator, access)
    text_column = request.column or find_column(islice(connector.load(), 200))

    def records() -> Iterator[tuple[SourceRow, bool]]:
        for row in connector.load():
            yield row, row.error is None and bool(_text(row, text_column).strip())

    ids: list[str] = []
    texts: list[str] = []
    hashes: list[int | None] = []
    targets, unusable, label_column = TargetHashes(), 0, request.label
    for row, usable in watched(records(), work):
        if not usable:
            unusable += 1
            continue
        if label_column is None:
            label_column = _label_column(row.data, text_column)
        ids.append(str(row.index))
        texts.append(_text(row, text_column))
        hashes.append(targets.hash(row.data[label_column]) if label_column in row.data else None)
    if not texts:
        raise DataError(
            f"no row has text in column {text_column!r}",
            where=locator.public,
            next_command="--column NAME; `narrowcast data introspect` lists the columns",
            reason_code="prepare_request_invalid",
        )
    return RowSet(locator.public, ids, texts, hashes, unusable, records)


def _text(row: SourceRow, column: str) -> str:
    value = row.data.get(column)
    return value if isinstance(value, str) else "\n".join(each for _, each in strings(value))


def _label_column(data: dict[str, Any], text_column: str) -> str:
    """A column with a usual name for labels; an empty name, which no row has, where there is none."""
    lower = {name.lower(): name for name in data if name != text_column}
    return next((lower[usual] for usual in _LABELS if usual in lower), "")
