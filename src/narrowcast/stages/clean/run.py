"""A stored source → cleaned rows, chunks, metadata and rejects; the report adds them up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO, Any

from narrowcast.connectors.text_column import find_column, strings
from narrowcast.core.ledger import StageLedger
from narrowcast.core.progress import CancelToken, Progress
from narrowcast.core.row import RejectedRow, SourceRow
from narrowcast.errors import StageError
from narrowcast.stages.clean.chunks import Measure
from narrowcast.stages.clean.options import CleanReport, FindingCount, Options
from narrowcast.stages.clean.outliers import usual_lengths
from narrowcast.stages.clean.row import CleanedRow, RowCleaner, is_outlier
from narrowcast.store.files import json_line, read_jsonl, write_json

_FILES = ("cleaned", "chunks", "metadata", "rejected")
_EVERY = 20  # rows between two looks at the cancel token: one document may take long


@dataclass(slots=True)
class _Tally:
    """What is counted on the way."""

    rows: int = 0
    kept: int = 0
    changed: int = 0
    chunks: int = 0
    outliers: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    findings: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows_with: Counter[tuple[str, str]] = field(default_factory=Counter)
    scores: list[float] = field(default_factory=list)


def clean(
    source: Path,
    folder: Path,
    *,
    name: str,
    locator: str,
    options: Options,
    measure: Measure,
    progress: Progress,
    cancel: CancelToken,
) -> CleanReport:
    """Clean stored rows (`SourceRow` lines) into `folder`, which exists and is empty.

    Raises:
        DataError: where no column holds text.
        UsageError: for an unknown column or kind of personal data.
        CancelledError: on request.
    """
    column = options.column or find_column(_rows(source))
    lengths = _lengths(source, column)
    usual = usual_lengths([length for length in lengths if length])
    cleaner = RowCleaner(column, options, measure, usual)
    tally = _Tally()
    progress.start("cleaning the rows", len(lengths))
    with ExitStack() as stack:
        files = {each: stack.enter_context((folder / f"{each}.jsonl").open("wb")) for each in _FILES}
        for row in _rows(source):
            if tally.rows % _EVERY == 0:
                cancel.check()
            original = "\n\n".join(text for _, text in strings(row.data.get(column)))
            tally.rows += 1
            outcome = cleaner.clean(row)
            if original.strip() and is_outlier(len(original), usual):
                tally.outliers += 1
            _write(outcome, original, files, tally)
            progress.advance()
    report = _report(name, locator, column, options, usual, tally)
    if not report.ledger.balanced:
        raise StageError(
            "rows were lost while cleaning, which is a mistake of narrowcast",
            where=locator,
            next_command="please report this with `narrowcast doctor --json`",
            reason_code="cleaning_failed",
        )
    write_json(folder / "report.json", report.model_dump(mode="json"))
    return report


def _rows(source: Path) -> Iterator[SourceRow]:
    return map(SourceRow.from_dict, read_jsonl(source))


def _lengths(source: Path, column: str) -> list[int]:
    return [sum(len(text) for _, text in strings(row.data.get(column))) for row in _rows(source)]


def _write(
    outcome: CleanedRow | RejectedRow, original: str, files: Mapping[str, IO[bytes]], tally: _Tally
) -> None:
    if isinstance(outcome, RejectedRow):
        tally.rejected[outcome.reason] += 1
        files["rejected"].write(json_line(outcome.to_dict()))
        return
    tally.kept += 1
    tally.changed += bool(outcome.changes)
    tally.changes.update(outcome.changes)
    tally.languages[outcome.language.code] += 1
    tally.scores.append(outcome.quality)
    kinds = [(each.family, each.kind) for found in outcome.findings.values() for each in found]
    tally.findings.update(kinds)
    tally.rows_with.update(set(kinds))
    files["cleaned"].write(json_line(outcome.data))
    files["metadata"].write(json_line(outcome.metadata(original)))
    for line in _chunk_lines(outcome):
        tally.chunks += 1
        files["chunks"].write(json_line(line))


def _chunk_lines(row: CleanedRow) -> Iterator[dict[str, Any]]:
    named = (row.data.get(column) for column in ("id", "path", "document"))
    document = next(
        (str(each) for each in named if isinstance(each, str | int) and each != ""), str(row.index)
    )
    for number, chunk in enumerate(row.chunks):
        yield {
            "id": f"{document}#{number}",
            "document": document,
            "row": row.index,
            "headings": list(chunk.headings),
            "start": chunk.start,
            "end": chunk.end,
            "size": chunk.size,
            "text": row.text[chunk.start : chunk.end],
        }


def _report(
    name: str,
    locator: str,
    column: str,
    options: Options,
    usual: tuple[int, int] | None,
    tally: _Tally,
) -> CleanReport:
    scores = sorted(tally.scores)
    quality = {"lowest": scores[0], "median": median(scores), "highest": scores[-1]} if scores else {}
    findings = [
        FindingCount.model_validate(
            {"family": family, "kind": kind, "findings": count, "rows": tally.rows_with[family, kind]}
        )
        for (family, kind), count in sorted(tally.findings.items())
    ]
    return CleanReport(
        id=name,
        locator=locator,
        folder=f"data/cleaned/{name}",
        column=column,
        options=options,
        ledger=StageLedger(
            stage=f"clean {name}",
            rows_in=tally.rows,
            rows_out=tally.kept,
            rejected=dict(sorted(tally.rejected.items())),
        ),
        changed_rows=tally.changed,
        changes=dict(tally.changes.most_common()),
        languages=dict(tally.languages.most_common()),
        findings=findings,
        chunks=tally.chunks,
        quality=quality,
        outliers=tally.outliers,
        outlier_bounds=usual,
        warnings=_warnings(options, findings, tally),
    )


def _warnings(options: Options, findings: list[FindingCount], tally: _Tally) -> list[str]:
    warnings = []
    for family, policy in (("pii", options.pii), ("secret", options.secrets)):
        rows = sum(each.rows for each in findings if each.family == family)
        if rows and policy == "report":
            what = "personal data" if family == "pii" else "secrets"
            flag = "--pii" if family == "pii" else "--secrets"
            warnings.append(f"{what} found and left in; {flag} redact or {flag} block takes it out")
    if tally.rows and tally.outliers / tally.rows > options.outlier_share:
        warnings.append(f"{tally.outliers:,} of {tally.rows:,} texts are unusually long or short")
    return warnings
