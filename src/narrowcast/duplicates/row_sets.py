"""Rows to compare: those of a source, of a split, or all that were accepted into a project."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from narrowcast.connectors import connect
from narrowcast.connectors.base import SourceAccess
from narrowcast.connectors.text_column import find_column, strings
from narrowcast.core.example import Example
from narrowcast.core.hashing import content_hash
from narrowcast.core.locator import Locator
from narrowcast.core.names import Split
from narrowcast.core.row import SourceRow
from narrowcast.core.settings import Settings
from narrowcast.duplicates.requests import ComparisonRequest
from narrowcast.errors import DataError, UsageError
from narrowcast.pipeline.project import Project
from narrowcast.similarity.examples import comparison_texts
from narrowcast.store.datasets import load_manifest, read_split
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
        rows: the records, where they come from a source.
        unusable: records that could not be parsed or hold no text.
    """

    name: str
    ids: list[str]
    texts: list[str]
    targets: list[str | None]
    rows: list[SourceRow]
    unusable: list[SourceRow]


def row_set(reference: str, place: Project | Settings, request: ComparisonRequest) -> RowSet:
    """The rows that `reference` names: `SCHEME:PATH`, `train|dev|test|golden`, or `accepted`.

    Args:
        reference: what to read.
        place: the project whose rows a split or `accepted` names; settings alone where a source is read.
        request: names the columns of a source.

    Raises:
        UsageError: for a wrong reference or column.
        DataError: if the rows cannot be read.
    """
    if reference == "accepted" or reference in set(Split):
        if not isinstance(place, Project):
            raise UsageError(
                "these rows belong to a project, and none was named",
                where=reference,
                next_command="narrowcast projects",
            )
        paths = place.paths
        if reference == "accepted":
            return _of_examples(reference, list(accepted_rows(paths)))
        return _of_examples(reference, read_split(paths, load_manifest(paths), Split(reference)))
    if ":" not in reference:
        raise UsageError(
            "this names no rows",
            where=reference,
            next_command="SCHEME:PATH, train, dev, test, golden, or accepted",
            reason_code="prepare_request_invalid",
        )
    settings = place.settings if isinstance(place, Project) else place
    return _of_source(reference, request, SourceAccess.of(settings))


def _of_examples(name: str, examples: list[Example]) -> RowSet:
    return RowSet(
        name=name,
        ids=[example.id for example in examples],
        texts=comparison_texts(examples),
        targets=[content_hash(example.target) for example in examples],
        rows=[],
        unusable=[],
    )


def _of_source(name: str, request: ComparisonRequest, access: SourceAccess) -> RowSet:
    locator = Locator.parse(name)
    connector = connect(locator, access)
    text_column = request.column or find_column(islice(connector.load(), 200))
    result = RowSet(locator.public, [], [], [], [], [])
    label_column = request.label
    for row in connector.load():
        text = "\n".join(each for _, each in strings(row.data.get(text_column)))
        if row.error is not None or not text.strip():
            result.unusable.append(row)
            continue
        if label_column is None:
            label_column = _label_column(row.data, text_column)
        result.ids.append(str(row.index))
        result.texts.append(text)
        result.targets.append(content_hash(row.data[label_column]) if label_column in row.data else None)
        result.rows.append(row)
    if not result.texts:
        raise DataError(
            f"no row has text in column {text_column!r}",
            where=locator.public,
            next_command="--column NAME; `narrowcast data introspect` lists the columns",
            reason_code="prepare_request_invalid",
        )
    return result


def _label_column(data: dict[str, Any], text_column: str) -> str:
    """A column with a usual name for labels; an empty name, which no row has, where there is none."""
    lower = {name.lower(): name for name in data if name != text_column}
    return next((lower[usual] for usual in _LABELS if usual in lower), "")
