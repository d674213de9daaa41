"""Clean a source into `data/cleaned/<id>`: cleaned rows to import, chunks, metadata, rejects, report."""

from __future__ import annotations

import shutil
from itertools import islice
from typing import Any

from pydantic import ValidationError

from narrowcast.connectors import connect, settle
from narrowcast.connectors.base import SourceAccess
from narrowcast.core.hashing import content_hash
from narrowcast.core.ledger import StageLedger
from narrowcast.core.locator import Locator
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, DataError, NarrowcastError, UsageError
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.stages.clean import CleanReport, Options
from narrowcast.stages.clean.chunks import Measure
from narrowcast.stages.clean.run import clean as clean_rows
from narrowcast.store.config_file import describe_mistakes
from narrowcast.store.files import atomic_folder, count_lines, read_json, read_jsonl
from narrowcast.store.source_rows import write_source_rows

ORIGINALS = "original.jsonl"


def clean_source(
    project: Project,
    locator: str,
    options: dict[str, Any] | None = None,
    *,
    base: str | None = None,
    limit: int | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> CleanReport:
    """Read a source, clean its texts and keep cleaned rows, rejects and (unless told not to) originals.

    Args:
        project: where to.
        locator: what to read.
        options: of `narrowcast.stages.clean.Options`.
        base: whose tokens are counted where chunks are measured in tokens; the embedded base where None.
        limit: the first so many rows only.
        dry_run: say what would happen; keep nothing, emit nothing.
        progress: where the work shows itself.
        cancel: how it is stopped; nothing is kept then.

    Raises:
        UsageError: for a wrong locator or option.
        DataError: where the source can not be read or holds no text.
        CancelledError: on request.
    """
    shown, token = progress or NullProgress(), cancel or CancelToken()
    chosen = _options(options or {})
    try:
        with project.lock("data clean"):
            report = _clean(project, locator, chosen, base, limit, dry_run, shown, token)
    except Exception as error:
        if not dry_run:
            _emit_failure(project, locator, error)
        raise
    finally:
        shown.finish()
    if not dry_run:
        _emit(project, report)
    return report


def cleanings(project: Project) -> list[CleanReport]:
    """Every cleaned source of the project, by id."""
    found = sorted(project.paths.cleaned.glob("cln-*/report.json"))
    return [CleanReport.model_validate(read_json(path)) for path in found]


def cleaned_ledgers(paths: ProjectPaths) -> list[StageLedger]:
    """A line for each cleaned source, counted in its files."""
    found = []
    for path in sorted(paths.cleaned.glob("cln-*/report.json")):
        stored = StageLedger.model_validate(read_json(path)["ledger"])
        rejected: dict[str, int] = {}
        for row in read_jsonl(path.with_name("rejected.jsonl")):
            rejected[row["reason"]] = rejected.get(row["reason"], 0) + 1
        originals = path.with_name(ORIGINALS)
        found.append(
            StageLedger(
                stage=stored.stage,
                rows_in=count_lines(originals) if originals.exists() else stored.rows_in,
                rows_out=count_lines(path.with_name("cleaned.jsonl")),
                rejected=dict(sorted(rejected.items())),
            )
        )
    return found


def shown_locator(text: str) -> str:
    """The locator without passwords, for events and states; nothing of what is no locator at all."""
    try:
        return Locator.parse(text).public
    except UsageError:
        return "(not a locator)"


def _options(given: dict[str, Any]) -> Options:
    try:
        return Options.model_validate(given)
    except ValidationError as error:
        raise UsageError(
            f"wrong options: {describe_mistakes(error)}",
            where="data clean",
            next_command="narrowcast data clean --help",
            reason_code="cleaning_request_invalid",
        ) from error


def _clean(
    project: Project,
    locator: str,
    options: Options,
    base: str | None,
    limit: int | None,
    dry_run: bool,
    progress: Progress,
    cancel: CancelToken,
) -> CleanReport:
    listed = any(each.locator == locator for each in project.config.sources)
    settled = settle(locator, project.paths.root, listed=listed)
    recorded = settled.recorded
    connector = connect(settled.opened, SourceAccess.of(project.settings, project.paths.raw / "downloads"))
    measure = _measure(project, options, base)
    # The folder's name is the hash of its content and options, known once the source was read.
    with atomic_folder(project.paths.cleaned / ".incoming") as work:
        progress.start("reading the rows")
        stored = write_source_rows(islice(connector.load(), limit), work / ORIGINALS, Work(progress, cancel))
        if not stored.rows:
            raise DataError("the source holds no rows", where=recorded, reason_code="cleaning_failed")
        name = f"cln-{content_hash([stored.sha256, options.model_dump(mode='json'), base])[:8]}"
        report = clean_rows(
            work / ORIGINALS,
            work,
            name=name,
            locator=recorded,
            options=options,
            measure=measure,
            progress=progress,
            cancel=cancel,
        )
        if not options.keep_originals:
            (work / ORIGINALS).unlink()
    incoming, folder = project.paths.cleaned / ".incoming", project.paths.cleaned / name
    if dry_run or folder.exists():
        shutil.rmtree(folder if folder.exists() and not dry_run else incoming)
    if not dry_run:
        incoming.replace(folder)
    return report


def _measure(project: Project, options: Options, base: str | None) -> Measure:
    if options.chunk_unit == "characters":
        return len
    from narrowcast.models.loading import load_tokenizer, resolve_base

    tokenizer = load_tokenizer(resolve_base(base or "embedded", project.settings))

    def tokens(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    return tokens


def _emit(project: Project, report: CleanReport) -> None:
    rejected = report.ledger.rejected
    payload = {
        "source": report.locator,
        "folder": report.folder,
        "rows_in": report.ledger.rows_in,
        "rows_out": report.ledger.rows_out,
        "rejected": rejected,
        "findings": {f"{each.family}:{each.kind}": each.findings for each in report.findings},
        "chunks": report.chunks,
    }
    emit = project.trail.emit
    emit(
        StageName.CLEANING,
        "cleaning_run",
        f"{report.ledger.rows_out:,} of {report.ledger.rows_in:,} texts of {report.locator} were cleaned",
        payload=payload,
        run=report.id,
    )
    blocked = rejected.get("pii", 0) + rejected.get("secret", 0)
    if blocked:
        emit(
            StageName.CLEANING,
            "cleaning_pii_block",
            f"{blocked:,} rows hold personal data or secrets and were blocked",
            payload={"source": report.locator, "blocked": blocked, "rows_in": report.ledger.rows_in},
            run=report.id,
        )
    if report.outliers > report.options.outlier_share * report.ledger.rows_in:
        emit(
            StageName.CLEANING,
            "cleaning_outlier_threshold_exceeded",
            f"{report.outliers:,} of {report.ledger.rows_in:,} texts are unusually long or short",
            payload={
                "outliers": report.outliers,
                "rows_in": report.ledger.rows_in,
                "threshold": report.options.outlier_share,
                "bounds": report.outlier_bounds,
            },
            run=report.id,
        )


def _emit_failure(project: Project, locator: str, error: Exception) -> None:
    code = "cleaning_cancelled" if isinstance(error, CancelledError) else "cleaning_failed"
    known = isinstance(error, NarrowcastError)
    project.trail.emit(
        StageName.CLEANING,
        code,
        str(error) if known else f"{type(error).__name__}: {error}",
        payload={
            "source": shown_locator(locator),
            "next": error.next_command if isinstance(error, NarrowcastError) else "",
        },
    )
