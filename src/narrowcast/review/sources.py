"""What is worth a person's look: a sample, rejects, contradictions, rows a model is unsure of."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from pydantic import BaseModel

from narrowcast.core.concerns import ROWS
from narrowcast.duplicates.conflicts import conflicts
from narrowcast.duplicates.requests import ConflictsRequest
from narrowcast.errors import DataError
from narrowcast.pipeline.project import Project
from narrowcast.review.requests import QueueRequest, Source
from narrowcast.store.files import read_jsonl
from narrowcast.store.import_rows import accepted_rows, rejected_lines
from narrowcast.store.imports import read_records
from narrowcast.store.reviews import QueuedRow, append_queue, read_queue


class Queued(BaseModel):
    """What was put into the queue."""

    added: int


def fill_queue(project: Project, request: QueueRequest) -> Queued:
    """Add rows that are not in the queue yet.

    Raises:
        DataError: if there is nothing to take rows from.
    """
    source = request.source
    with project.lock("data review", ROWS):
        known = {row.id for row in read_queue(project.paths)}
        rows = [row for row in _SOURCES[source](project, request.seed, request.reason) if row.id not in known]
        if not rows and not known:
            raise DataError(
                f"there is nothing to review: no {source.replace('_', ' ')}",
                where=str(project.paths.root),
                next_command="narrowcast data review --from sample",
                reason_code="dataset_row_unknown",
            )
        chosen = rows if source == "conflicts" else rows[: request.count]
        append_queue(project.paths, chosen)
    return Queued(added=len(chosen))


def _sample(project: Project, seed: int, reason: str | None) -> Iterator[QueuedRow]:
    del reason
    rows = [row.id for row in accepted_rows(project.paths)]
    random.Random(seed).shuffle(rows)  # noqa: S311 - a repeatable sample, no secret
    return (QueuedRow(id=row_id, why="sample") for row_id in rows)


def _rejects(project: Project, seed: int, reason: str | None) -> Iterator[QueuedRow]:
    del seed
    return _rejected(project, reason, "rejects", generated=False)


def _gates(project: Project, seed: int, reason: str | None) -> Iterator[QueuedRow]:
    del seed
    return _rejected(project, reason, "gates", generated=True)


def _rejected(project: Project, reason: str | None, why: str, *, generated: bool) -> Iterator[QueuedRow]:
    for record in read_records(project.paths):
        if (record.generated_by is not None) is not generated:
            continue
        for line in rejected_lines(project.paths, record.id):
            if reason is None or line["reason"] in (reason, f"gate_{reason}"):
                detail = f"{line['reason']} {line['detail']}".strip()
                yield QueuedRow(id=f"{record.id}:{line['index']}", why=why, detail=detail)


def _conflicts(project: Project, seed: int, reason: str | None) -> Iterator[QueuedRow]:
    del seed, reason
    for group in conflicts(project, ConflictsRequest(show=None)).conflicts:
        others = ", ".join(row.id for row in group.rows)
        for row in group.rows:
            yield QueuedRow(id=row.id, why="conflicts", detail=f"the same input in {others}")


def _low_confidence(project: Project, seed: int, reason: str | None) -> Iterator[QueuedRow]:
    del seed, reason
    folder = project.paths.reports / "predictions"
    files = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files:
        head, *rows = read_jsonl(path)
        unsure = sorted((max(row["logprobs"]), row["id"]) for row in rows if row.get("logprobs"))
        if unsure:
            model = head["model"]
            for logprob, row_id in unsure:
                detail = f"{model} gives its best answer a log-probability of {logprob:.2f}"
                yield QueuedRow(id=row_id, why="low_confidence", detail=detail)
            return


_SOURCES: dict[Source, Callable[[Project, int, str | None], Iterator[QueuedRow]]] = {
    "sample": _sample,
    "rejects": _rejects,
    "gates": _gates,
    "conflicts": _conflicts,
    "low_confidence": _low_confidence,
}
