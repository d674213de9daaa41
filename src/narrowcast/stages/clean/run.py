"""A source → cleaned rows, chunks, metadata and rejects; the report adds them up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from narrowcast.connectors.text_column import find_column, strings
from narrowcast.core.hashing import content_hash
from narrowcast.core.ledger import StageLedger
from narrowcast.core.row import RejectedRow, SourceRow
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work, watched
from narrowcast.errors import DataError, StageError
from narrowcast.stages.clean.inputs import chunk_measure
from narrowcast.stages.clean.options import CleanPreview, Inputs, Options, Result
from narrowcast.stages.clean.outliers import counted_median, usual_lengths
from narrowcast.stages.clean.row import CleanedRow, RowCleaner, is_outlier
from narrowcast.store.cleanings import (
    CleaningWriter,
    CleanReport,
    FindingCount,
    cleaning_files,
    new_cleaning,
    scratch_cleaning,
)


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
    scores: Counter[float] = field(default_factory=Counter)


def run(inputs: Inputs, options: Options, ctx: StageContext) -> Result:
    """Read the source, clean its texts and keep cleaned rows, chunks, rejects and, by default, originals.

    Raises:
        DataError: if the source cannot be read or holds no text.
        UsageError: for an unknown column or kind of personal data.
        CancelledError: on request; nothing is kept.
    """
    with new_cleaning(ctx.project) as writer:
        report = _clean(inputs, options, ctx, writer)
        writer.finish(report, keep_originals=options.keeps_originals)
    _warn(report, options, ctx)
    return _result(report)


def preview(inputs: Inputs, options: Options, ctx: StageContext) -> CleanPreview:
    """Clean every row and count what became of it; nothing is kept."""
    with scratch_cleaning() as writer:
        report = _clean(inputs, options, ctx, writer)
    return CleanPreview.model_validate(report.model_dump())


def _clean(inputs: Inputs, options: Options, ctx: StageContext, writer: CleaningWriter) -> CleanReport:
    ctx.progress.start("reading the rows")
    work = Work(ctx.progress, ctx.cancel)
    stored = writer.store(islice(inputs.connector.load(), options.limit), work)
    if not stored.rows:
        raise DataError("the source has no rows", where=inputs.locator, reason_code="cleaning_failed")
    column = options.column or find_column(writer.originals())
    ctx.progress.start("measuring the texts", stored.rows)
    usual = usual_lengths(_lengths(watched(writer.originals(), work), column))
    cleaner = RowCleaner(column, options, chunk_measure(options, ctx), usual)
    tally = _Tally()
    ctx.progress.start("cleaning the rows", stored.rows)
    for row in watched(writer.originals(), work):
        texts = [text for _, text in strings(row.data.get(column))]
        original = "\n\n".join(texts)
        tally.rows += 1
        if original.strip() and is_outlier(sum(map(len, texts)), usual):
            tally.outliers += 1
        _write(cleaner.clean(row), original, writer, tally)
    name = f"cln-{content_hash([stored.sha256, options.text_options, options.base])[:8]}"
    report = _report(name, inputs.locator, cleaner.shown(column), options, usual, tally)
    if not report.ledger.balanced:
        raise StageError(
            "rows were lost during cleaning, which is a bug of narrowcast",
            where=inputs.locator,
            next_command="please report this with `narrowcast doctor --json`",
            reason_code="cleaning_failed",
        )
    return report


def _lengths(rows: Iterable[SourceRow], column: str) -> Counter[int]:
    """How many rows have a text of each length; those without a text are left out."""
    lengths = Counter(sum(len(text) for _, text in strings(row.data.get(column))) for row in rows)
    del lengths[0]
    return lengths


def _write(outcome: CleanedRow | RejectedRow, original: str, writer: CleaningWriter, tally: _Tally) -> None:
    if isinstance(outcome, RejectedRow):
        tally.rejected[outcome.reason] += 1
        writer.reject(outcome)
        return
    tally.kept += 1
    if outcome.changes:
        tally.changed += 1
        tally.changes.update(outcome.changes)
    tally.languages[outcome.language.code] += 1
    tally.scores[outcome.quality] += 1
    if outcome.findings:
        kinds = [(each.family, each.kind) for found in outcome.findings.values() for each in found]
        tally.findings.update(kinds)
        tally.rows_with.update(set(kinds))
    tally.chunks += len(outcome.chunks)
    writer.keep(outcome.data, outcome.metadata(original), _chunk_lines(outcome))


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
    scores, quality = tally.scores, {}
    if scores:
        quality = {"lowest": min(scores), "median": counted_median(scores.items()), "highest": max(scores)}
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
        options=options.text_options,
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
            warnings.append(f"{what} found and kept; {flag} redact or {flag} block removes it")
    if tally.rows and tally.outliers / tally.rows > options.outlier_share:
        warnings.append(f"{tally.outliers:,} of {tally.rows:,} texts are unusually long or short")
    return warnings


def _warn(report: CleanReport, options: Options, ctx: StageContext) -> None:
    """The events that call for somebody's attention."""
    rows, rejected = report.ledger.rows_in, report.ledger.rejected
    blocked = rejected.get("pii", 0) + rejected.get("secret", 0)
    if blocked:
        ctx.emit(
            "cleaning_pii_block",
            f"{blocked:,} rows contain personal data or secrets and were blocked",
            {"source": report.locator, "blocked": blocked, "rows_in": rows},
        )
    if report.outliers > options.outlier_share * rows:
        ctx.emit(
            "cleaning_outlier_threshold_exceeded",
            f"{report.outliers:,} of {rows:,} texts are unusually long or short",
            {
                "outliers": report.outliers,
                "rows_in": rows,
                "threshold": options.outlier_share,
                "bounds": report.outlier_bounds,
            },
        )


def _result(report: CleanReport) -> Result:
    ledger = report.ledger
    return Result(
        cleaning=report.id,
        artifacts=cleaning_files(report.folder),
        ledger=ledger,
        summary=f"{ledger.rows_out:,} of {ledger.rows_in:,} texts of {report.locator} were cleaned",
        payload={
            "cleaning": report.id,
            "source": report.locator,
            "folder": report.folder,
            "rows_in": ledger.rows_in,
            "rows_out": ledger.rows_out,
            "rejected": ledger.rejected,
            "findings": {f"{each.family}:{each.kind}": each.findings for each in report.findings},
            "chunks": report.chunks,
        },
    )
