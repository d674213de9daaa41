"""The sole loop: lock, load inputs, run, save the record, and one terminal event per started run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from narrowcast.audit.trail import Trail
from narrowcast.core.concerns import WHOLE, Concern, Holds
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.settings import Settings
from narrowcast.core.stage import I, O, R, StageContext, StageDefinition, StageResult, Watch
from narrowcast.core.work import Work
from narrowcast.errors import ProjectBusyError, UsageError
from narrowcast.pipeline.engines import LOCAL, Engine
from narrowcast.pipeline.lifecycle import Lifecycle, error_for_callers
from narrowcast.pipeline.plan import PlannedStage, attempt_id, plan_stage
from narrowcast.store.stage_records import StageRecord, running_stages, save_record, set_current


class Lock(Protocol):
    """Holds concerns of a project for a block."""

    def __call__(
        self, command: str, needed: Holds = WHOLE, work: Work | None = None
    ) -> AbstractContextManager[None]:
        """Args: command: that holds them; needed: concerns; work: how to wait for them within a block."""


class Runner:
    """Runs stages on one project.

    Args:
        project: its folders.
        settings: handed to every stage; nothing below reads the environment.
        trail: where events go.
        lock: holds concerns of the project for a block.
        work: where to show progress, and how to stop.
        engine: where a stage's `run` is executed.
    """

    def __init__(
        self,
        project: ProjectPaths,
        settings: Settings,
        trail: Trail,
        lock: Lock,
        work: Work | None = None,
        engine: Engine = LOCAL,
    ) -> None:
        self._project = project
        self._settings = settings
        self._trail = trail
        self._lock = lock
        self._work = work or Work()
        self._engine = engine

    @property
    def _leads(self) -> bool:
        """Of several processes training one model, the first holds the lock and writes records and events."""
        return self._settings.process == 0

    def run(
        self,
        definition: StageDefinition[I, O, R],
        options: O,
        *,
        force: bool = False,
        resume: bool = False,
        make_current: bool = True,
        watch: Watch | None = None,
    ) -> R:
        """The stage's result: from its record where it is fresh, from a run otherwise.

        Args:
            definition: the stage.
            options: validated.
            force: run although it is fresh, and start over.
            resume: continue an interrupted run.
            make_current: of a stage that keeps each run, make this one the current.
            watch: follows a training run.

        Raises:
            NarrowcastError: what the stage raised, or a foreign exception as a `StageError`; its event is in
                the trail.
        """
        with self._holding(definition, force=force):
            self._end_interrupted(definition)
            lifecycle = Lifecycle(self._trail, self._project, definition, leads=self._leads)
            context = self._context(force=force)
            with self._failing(lifecycle, attempt_id(definition, options)):
                self._require_one_process(definition)
                inputs = definition.read_inputs(options, context)
                planned = plan_stage(definition, options, inputs, context)
            if not force and not planned.stale_because and planned.record:
                self._work.progress.note(f"{definition.doing or definition.words}: up to date")
                result = definition.result.model_validate(planned.record.result)
            else:
                started, run = now(), planned.run_id
                context.run_id, context.resume, context.watch = run, resume, watch
                context.emit, context.seal = lifecycle.emitter(run, inputs.parent), lifecycle.seal
                lifecycle.started(run, inputs.parent, started, planned.stale_because or "forced")
                with self._failing(lifecycle, run, inputs.parent):
                    self._work.cancel.check()
                    result = self._engine.body(definition)(inputs, options, context)
                    if self._leads:
                        record = _record(planned, result, started)
                        save_record(self._project, record, keep_each=definition.keep_each, seal=context.seal)
                lifecycle.succeeded(run, inputs.parent, result)
            if definition.keep_each and make_current and self._leads:
                set_current(self._project, definition.name, planned.run_id)
            return result

    def run_all(
        self, stages: Iterable[tuple[StageDefinition[Any, Any, Any], Any]], *, resume: bool = False
    ) -> dict[str, StageResult]:
        """Run stages in order; the caller holds what keeps others from changing what they read."""
        results: dict[str, StageResult] = {}
        for definition, options in stages:
            self._work.cancel.check()
            self._work.progress.start(f"{definition.words}: reading what it depends on")
            results[definition.name] = self.run(definition, options, resume=resume)
        return results

    def plan(self, definition: StageDefinition[I, O, R], options: O) -> PlannedStage[I, O, R]:
        """What a run would do; writes nothing and records no event."""
        context = self._context()
        try:
            return plan_stage(definition, options, definition.read_inputs(options, context), context)
        finally:
            self._work.progress.finish()

    def preview(self, definition: StageDefinition[I, O, R], options: O, *, force: bool = False) -> Any:
        """What the stage itself shows of a dry run; None where it has no preview."""
        if definition.preview is None:
            return None
        context = self._context(force=force)
        try:
            return definition.preview(definition.read_inputs(options, context), options, context)
        finally:
            self._work.progress.finish()

    def _holding(
        self, definition: StageDefinition[Any, Any, Any], *, force: bool
    ) -> AbstractContextManager[None]:
        """The concerns of a stage. Nobody measures or exports a run that is made anew."""
        if not self._leads:
            return nullcontext()
        needed = definition.holds
        if force and definition.keep_each:
            needed = needed.also(Concern.MEASURE, Concern.EXPORT)
        return self._lock(definition.words, needed, self._work)

    def _end_interrupted(self, definition: StageDefinition[Any, Any, Any]) -> None:
        """Write the terminal events of runs whose process died: their concerns are free to be held."""
        for marker in running_stages(self._project) if self._leads else ():
            concerns = WHOLE if marker.concerns is None else Holds(frozenset(marker.concerns))
            with suppress(ProjectBusyError), self._lock(f"ending {marker.stage}", concerns):
                Lifecycle(self._trail, self._project, definition, leads=True).end_interrupted(marker)

    @contextmanager
    def _failing(self, lifecycle: Lifecycle, run: str, parent: str | None = None) -> Iterator[None]:
        """Write the event of whatever the block raises, and raise it as callers see it."""
        try:
            yield
        except BaseException as error:
            lifecycle.failed(run, parent, error)
            translated = error_for_callers(error, lifecycle.definition)
            if translated is None:
                raise
            raise translated from error
        finally:
            self._work.progress.finish()

    def _context(self, *, force: bool = False) -> StageContext:
        return StageContext(
            project=self._project,
            settings=self._settings,
            progress=self._work.progress,
            cancel=self._work.cancel,
            force=force,
        )

    def _require_one_process(self, definition: StageDefinition[Any, Any, Any]) -> None:
        if self._settings.processes > 1 and not definition.shared:
            raise UsageError(
                f"{definition.words} runs in one process, and this is one of {self._settings.processes}",
                where="WORLD_SIZE",
                next_command="the same command without torchrun; only training runs in several processes",
            )


def _record(planned: PlannedStage[Any, Any, Any], result: StageResult, started: str) -> StageRecord:
    from narrowcast.version import __version__

    return StageRecord(
        stage=planned.definition.name,
        key=planned.key,
        run_id=planned.run_id,
        subject=planned.subject,
        options=planned.options.model_dump(mode="json"),
        started=started,
        finished=now(),
        code_version=__version__,
        result=result.model_dump(mode="json"),
    )


def now() -> str:
    """UTC, ISO 8601, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
