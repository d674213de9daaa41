"""Rejected rows that reviewers brought back: an import of their own, so that the ledger stays balanced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from narrowcast.core.example import Example, Target
from narrowcast.core.manifest import REVIEW_MAPPER, ImportRecord
from narrowcast.core.names import Provenance
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.row import SourceRow, TransformedRow
from narrowcast.factory.shapes import row_shape
from narrowcast.pipeline.project import Project
from narrowcast.store.import_rows import RowLookup, raw_lines
from narrowcast.store.imports import ImportWriter, read_records
from narrowcast.store.reviews import ReviewVerdict, read_reviews, verdicts


def rescued_ids(paths: ProjectPaths) -> dict[str, str]:
    """Id of a rejected row → id of the accepted row it became."""
    ids = {}
    for record in read_records(paths):
        if record.mapper == REVIEW_MAPPER:
            for line in raw_lines(paths, record.id):
                ids[line["data"]["reviewed"]] = f"{record.id}:{line['index']}"
    return ids


def rescue(project: Project) -> str | None:
    """Import every rejected row that is accepted or edited now and was not brought back yet.

    The caller holds the project's lock.

    Returns:
        The id of the import, or None where there is nothing to bring back.
    """
    paths = project.paths
    records = {record.id: record for record in read_records(paths)}
    done = rescued_ids(paths)
    decisions = verdicts(read_reviews(paths))
    lookup = RowLookup(paths, decisions)
    rows: list[tuple[str, Example]] = []
    for row_id, verdict in decisions.items():
        record = records.get(row_id.rpartition(":")[0])
        if verdict.decision not in ("accept", "edit") or row_id in done or record is None:
            continue
        line = lookup.rejected(row_id)
        if line is not None:
            rows.append((row_id, _example(project, record, row_id, line, verdict)))
    return _import(project, rows) if rows else None


def _example(
    project: Project, record: ImportRecord, row_id: str, line: Mapping[str, Any], verdict: ReviewVerdict
) -> Example:
    """It stays in the split of its source: a row that a teacher saw is never measured on."""
    data = line.get("data") or {}
    inputs, target = _content(project, data, verdict)
    origin = data.get("origin") or {}
    return Example(
        inputs=inputs,
        target=target,
        group=origin.get("group"),
        split=record.into,
        provenance=Provenance.SYNTHETIC if record.generated_by else Provenance.HUMAN,
        parents=(*origin.get("parents", ()), row_id),
    )


def _content(
    project: Project, data: Mapping[str, Any], verdict: ReviewVerdict
) -> tuple[dict[str, Any], Target]:
    if verdict.inputs is not None and verdict.target is not None:
        return verdict.inputs, verdict.target
    task = project.config.task
    if task is None or "row" not in data:
        raise ValueError("a row without inputs of its own was accepted; `decide` checks that it cannot be")
    inputs, target = row_shape(task).read(data["row"])
    return inputs, target if verdict.target is None else verdict.target


def _import(project: Project, rows: list[tuple[str, Example]]) -> str:
    source = (
        SourceRow(index, {"reviewed": row_id, "inputs": row.inputs, "target": row.target})
        for index, (row_id, row) in enumerate(rows)
    )
    with ImportWriter(project.paths) as writer:
        stored = writer.store(source)
        name = writer.name(REVIEW_MAPPER)
        kept = writer.keep(
            TransformedRow(index, replace(row, source=name, index=index))
            for index, (_, row) in enumerate(rows)
        )
        writer.commit(
            ImportRecord(
                id=name,
                locator="review:registry/reviews.jsonl",
                mapper=REVIEW_MAPPER,
                rows=stored.rows,
                accepted=kept.accepted,
                rejected=kept.rejected,
                raw_sha256=stored.sha256,
                accepted_sha256=kept.accepted_sha256,
            )
        )
    return name
