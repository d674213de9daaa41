"""An import from its locator to its record: dry run or commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.connectors import connect
from narrowcast.connectors.base import Connector, SourceDescription
from narrowcast.core.locator import Locator
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.names import Provenance, Split
from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.core.task import TaskSpec
from narrowcast.errors import CancelledError
from narrowcast.ops.data.choose import ChosenMapping, choose_mapping
from narrowcast.ops.data.commit import commit_import, emit_failure
from narrowcast.ops.data.locators import access_for, settle_locator
from narrowcast.ops.data.sources import look_at, watched
from narrowcast.pipeline.project import Project
from narrowcast.stages.import_.introspect import IntrospectionReport
from narrowcast.stages.import_.mapping.base import Mapper
from narrowcast.stages.import_.mapping.engine import RowMapping, dry_run
from narrowcast.stages.import_.mapping.task import closed_task, merged_task, refuse_conflict, scoring_mode
from narrowcast.store.forgotten import read_forgotten, withheld

# An import of fewer rows still looks at so many: the head of a sorted file has one label only.
_LEAST_SCANNED = 100_000


class RejectionSample(BaseModel):
    """A rejected row to look at."""

    index: int
    detail: str
    data: dict[str, Any] | None = None
    raw: str | None = None


class ImportPlan(BaseModel):
    """What was decided before the first row was mapped."""

    source: SourceDescription
    report: IntrospectionReport
    mapper: str
    field_map: dict[str, str]
    confidence: float | None
    forced: bool


class DryRunReport(BaseModel):
    """What an import would do; nothing was written and no event emitted."""

    dry_run: bool = True
    plan: ImportPlan
    rows: int
    accepted: int
    rejected: dict[str, int]
    sample: list[dict[str, Any]] = Field(description="The first accepted rows: inputs and target.")
    rejected_sample: dict[str, list[RejectionSample]]
    task: TaskSpec


class ImportOutcome(BaseModel):
    """What an import did."""

    dry_run: bool = False
    plan: ImportPlan
    record: ImportRecord
    written_path: str
    task: TaskSpec


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """An import with everything decided and its source open."""

    locator: str
    connector: Connector
    chosen: ChosenMapping
    plan: ImportPlan
    task: TaskSpec | None
    into: Split | None
    limit: int | None
    licence: str | None
    consent: str | None

    @property
    def expected_rows(self) -> int:
        """For progress: what introspection counted, or the limit."""
        return min(self.plan.report.rows, self.limit or self.plan.report.rows)

    @property
    def provenance(self) -> Provenance:
        """Answers in a traffic log were given by a model in production, not written by a person."""
        logged = Locator.parse(self.locator).scheme == "logs"
        return Provenance.PRODUCTION if logged else Provenance.HUMAN

    def mapper(self) -> Mapper:
        """A fresh mapper; it collects labels while it maps, so each pass has its own."""
        return self.chosen.mapper(self.chosen.field_map, closed_task(self.task, self.into))


def import_rows(
    project: Project,
    locator: str,
    *,
    auto: bool = False,
    mapper: str | None = None,
    field_map: Mapping[str, str] | None = None,
    group: str | None = None,
    into: Split | None = None,
    licence: str | None = None,
    consent: str | None = None,
    force: bool = False,
    limit: int | None = None,
    dry_run: bool = False,
    drop: frozenset[str] = frozenset(),
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> ImportOutcome | DryRunReport:
    """Read a source, map its rows and keep both the accepted and the rejected ones.

    Args:
        project: where to.
        locator: `csv:PATH`, `jsonl:PATH`, `file:PATH`.
        auto: take the mapping that introspection proposes.
        mapper: name of the mapper; introspection fills the fields that `field_map` leaves open.
        field_map: field of the mapper → column of the source.
        group: column whose equal values stay in one split.
        into: put all rows into one split.
        licence: of the source, for the manifest and the model card.
        consent: on what ground its rows may be used, for both as well.
        force: use a proposal under the threshold.
        limit: the first so many rows only.
        dry_run: say what would happen; write nothing, emit nothing.
        drop: rejection reasons that are left out of a dry run's sample.
        progress: where long work shows itself.
        cancel: how it is stopped; nothing is kept then.

    Raises:
        UsageError: for a wrong locator, mapper, field or column, or a task the project does not have.
        DataError: where the source can not be read, was imported before, or no row can be mapped.
    """
    shown, token = progress or NullProgress(), cancel or CancelToken()
    given = {**(field_map or {}), **({"group": group} if group else {})}
    try:
        request = _decide(
            project, locator, auto, mapper, given, into, (licence, consent), force, limit, shown, token
        )
        if dry_run:
            return _dry_run(request, drop, read_forgotten(project.paths), shown, token)
        record, task = commit_import(project, request, shown, token)
    except Exception as error:
        if isinstance(error, CancelledError):
            error.next_command = "the same command again; of this one nothing was kept"
        if not dry_run:
            emit_failure(project, _public(locator), error)
        raise
    finally:
        shown.finish()
    return ImportOutcome(
        plan=request.plan, record=record, task=task, written_path=f"data/accepted/{record.id}.jsonl"
    )


def _decide(
    project: Project,
    locator: str,
    auto: bool,
    mapper: str | None,
    field_map: dict[str, str],
    into: Split | None,
    rights: tuple[str | None, str | None],
    force: bool,
    limit: int | None,
    progress: Progress,
    cancel: CancelToken,
) -> ImportRequest:
    recorded, opened = settle_locator(project, locator)
    connector = connect(opened, access_for(project))
    scanned = None if limit is None else max(limit, _LEAST_SCANNED)
    found = look_at(connector, scanned, progress, cancel)
    chosen = choose_mapping(found, auto=auto, mapper=mapper, field_map=field_map, force=force)
    task = project.config.task
    refuse_conflict(task, chosen.mapper, scoring_mode(chosen.mapper, chosen.field_map))
    plan = ImportPlan(
        source=found.source,
        report=found.report,
        mapper=chosen.mapper.id,
        field_map=chosen.field_map,
        confidence=chosen.confidence,
        forced=chosen.forced,
    )
    known = next((each for each in project.config.sources if each.locator == recorded), None)
    licence = rights[0] or (known.licence if known else None)
    consent = rights[1] or (known.consent if known else None)
    return ImportRequest(recorded, connector, chosen, plan, task, into, limit, licence, consent)


def _public(text: str) -> str:
    """What may be recorded of a locator, also of one that is none."""
    scheme, _, rest = text.partition(":")
    return Locator(scheme, rest).public


def _dry_run(
    request: ImportRequest,
    drop: frozenset[str],
    forgotten: frozenset[str],
    progress: Progress,
    cancel: CancelToken,
) -> DryRunReport:
    mapper = request.mapper()
    mapping = RowMapping(mapper, request.chosen.field_map, "dry-run", request.into, request.provenance)
    progress.start("mapping, without keeping anything", request.expected_rows)
    source = withheld(islice(request.connector.load(), request.limit), forgotten)
    rows = watched(source, progress, cancel)
    result = dry_run(mapping.map_all(rows), drop=drop)
    return DryRunReport(
        plan=request.plan,
        rows=result.rows,
        accepted=result.accepted,
        rejected=dict(result.rejected.most_common()),
        sample=[{"inputs": each.inputs, "target": each.target} for each in result.sample],
        rejected_sample={
            reason: [
                RejectionSample(index=each.index, detail=each.detail, data=each.data, raw=each.raw)
                for each in rejects
            ]
            for reason, rejects in result.rejected_sample.items()
        },
        task=merged_task(request.task, mapper.task()),
    )
