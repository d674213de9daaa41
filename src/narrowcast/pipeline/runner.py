"""The sole loop: load inputs, run, save the record, emit the lifecycle events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from narrowcast.audit.reasons import REASONS
from narrowcast.audit.trail import Trail
from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.core.settings import Settings
from narrowcast.errors import NarrowcastError, UsageError
from narrowcast.pipeline.plan import PlannedStage, StageRecord, plan_stage, save_record
from narrowcast.stages.base import StageContext, StageDefinition, StageOptions, StageResult, Watch
from narrowcast.store.workspace import ProjectPaths

R = TypeVar("R", bound=StageResult)


class Runner:
    """Runs stages on one project; the caller holds the project's lock."""

    def __init__(
        self,
        project: ProjectPaths,
        settings: Settings,
        trail: Trail,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._project = project
        self._settings = settings
        self._trail = trail
        self._progress = progress or NullProgress()
        self._cancel = cancel or CancelToken()
        self._watch = watch

    @property
    def _leads(self) -> bool:
        """Of several processes that train one model, the first writes records and events."""
        return self._settings.process == 0

    def run(
        self,
        definition: StageDefinition[Any, Any, R],
        options: StageOptions,
        *,
        force: bool = False,
        resume: bool = False,
    ) -> R:
        """The stage's result: from its record where it is fresh, from a run otherwise.

        Raises:
            NarrowcastError: whatever the stage raised; the failure event is in the trail.
        """
        try:
            self._demand_one_process(definition)
            planned = plan_stage(definition, options, self._project)
            if not force and not planned.stale_because and planned.record:
                self._progress.note(f"{definition.name}: up to date")
                return definition.result.model_validate(planned.record.result)
            return cast(R, self._execute(planned, resume=resume, force=force))
        except NarrowcastError as error:
            self._emit_failure(definition, error)
            raise

    def _demand_one_process(self, definition: StageDefinition[Any, Any, Any]) -> None:
        if self._settings.processes > 1 and not definition.shared:
            raise UsageError(
                f"{definition.name} runs in one process, and this is one of {self._settings.processes}",
                where="WORLD_SIZE",
                next_command="the same command without torchrun; several processes can train",
            )

    def run_all(
        self, stages: Iterable[tuple[StageDefinition[Any, Any, Any], StageOptions]], *, resume: bool = False
    ) -> dict[str, StageResult]:
        """Run stages in order; each reads what the one before wrote."""
        results: dict[str, StageResult] = {}
        for definition, options in stages:
            self._cancel.check()
            results[definition.name] = self.run(definition, options, resume=resume)
        return results

    def _execute(self, planned: PlannedStage, *, resume: bool, force: bool) -> Any:
        definition, started = planned.definition, _now()

        def emit(reason_code: str, message: str, payload: dict[str, Any] | None = None) -> None:
            if self._leads:
                self._trail.emit(
                    definition.event_stage, reason_code, message, payload=payload, run=planned.run_id
                )

        context = StageContext(
            project=self._project,
            settings=self._settings,
            run_id=planned.run_id,
            emit=emit,
            progress=self._progress,
            cancel=self._cancel,
            resume=resume,
            force=force,
            watch=self._watch,
        )
        emit("stage_started", f"{definition.name} began: {planned.stale_because or 'forced'}")
        try:
            result = definition.run(planned.inputs, planned.options, context)
        finally:
            self._progress.finish()
        if self._leads:
            save_record(self._project, _record(planned, result, started))
        emit(definition.success_code, result.summary or f"{definition.name} finished", result.payload)
        return result

    def _emit_failure(self, definition: StageDefinition[Any, Any, Any], error: NarrowcastError) -> None:
        if not self._leads:
            return
        code = error.reason_code
        if code not in REASONS or code == NarrowcastError.default_reason_code:
            code = definition.failure_code
        self._trail.emit(definition.event_stage, code, str(error), payload={"next": error.next_command})


def _record(planned: PlannedStage, result: StageResult, started: str) -> StageRecord:
    from narrowcast import __version__

    return StageRecord(
        stage=planned.definition.name,
        key=planned.key,
        run_id=planned.run_id,
        options=planned.options.model_dump(mode="json"),
        started=started,
        finished=_now(),
        code_version=__version__,
        result=result.model_dump(mode="json"),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
