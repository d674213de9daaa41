"""The events of a stage run: one when it starts, exactly one when it ends, whatever ended it.

A marker file stands for the run between the two, and says how far the trail was at each. Where a process is
killed, the marker stays, and the next run on the project writes the terminal event if it is missing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from narrowcast.audit.trail import Trail
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.stage import Emit, StageDefinition, StageResult
from narrowcast.errors import CancelledError, NarrowcastError, StageError
from narrowcast.faults import first_line, place_of
from narrowcast.plugins.boundary import known_error
from narrowcast.reasons import REASONS, StageName
from narrowcast.store.seals import WRITTEN, holding
from narrowcast.store.stage_records import (
    RunningStage,
    clear_running,
    has_record,
    running_stages,
    write_running,
)


class Lifecycle:
    """Writes the events of one stage's runs; silent in processes that do not lead."""

    def __init__(
        self, trail: Trail, project: ProjectPaths, definition: StageDefinition[Any, Any, Any], *, leads: bool
    ) -> None:
        self._trail = trail
        self._project = project
        self.definition = definition
        self._leads = leads
        self._marker: RunningStage | None = None
        self._written: dict[str, str] = {}

    def emitter(self, run: str, parent: str | None) -> Emit:
        """What the stage calls for events of its own."""

        def emit(reason_code: str, message: str, payload: dict[str, Any] | None = None) -> None:
            self._emit(self.definition.event_stage, reason_code, message, payload, run, parent)

        return emit

    def started(self, run: str, parent: str | None, time: str, why: str) -> None:
        """Set the marker and write the first event."""
        if self._leads:
            stage = self.definition.event_stage
            self._marker = RunningStage(
                stage=self.definition.name,
                event_stage=stage,
                run_id=run,
                parent=parent,
                started=time,
                after=self._trail.newest(),
                process=os.getpid(),
                concerns=None if self.definition.holds.whole else sorted(self.definition.holds.alone),
            )
            write_running(self._project, self._marker)
        self.emitter(run, parent)("stage_started", f"{self.definition.words} started: {why}")

    def seal(self, files: Mapping[Path, str]) -> None:
        """Note in the marker what files are about to hold; the last event carries it."""
        self._written |= {self._project.relative(path): digest for path, digest in files.items()}
        if self._marker is not None:
            self._marker.written = self._written
            write_running(self._project, self._marker)

    def succeeded(self, run: str, parent: str | None, result: StageResult) -> None:
        """Write the success event and remove the marker."""
        message = result.summary or f"{self.definition.words} finished"
        code = result.reason_code or self.definition.success_code
        # What the run removed itself, such as checkpoints, was not its result.
        kept = {name: each for name, each in self._written.items() if (self._project.root / name).exists()}
        self._mark_ending()
        self.emitter(run, parent)(code, message, {**result.payload, **_named(kept)})
        self._clear()

    def failed(self, run: str, parent: str | None, error: BaseException) -> None:
        """Write the failure event and remove the marker."""
        payload: dict[str, Any] = {}
        if not isinstance(error, NarrowcastError):
            payload["exception"] = type(error).__name__
            payload["at"] = place_of(error)
        error = known_error(error) or error
        if isinstance(error, NarrowcastError):
            payload["next"] = error.next_command
            payload["cause"] = error.reason_code
        payload |= _named(holding(self._project, self._written))
        self._mark_ending()
        self.emitter(run, parent)(
            _failure_code(error, self.definition), _message(error, self.definition), payload
        )
        self._clear()

    def end_interrupted(self, marker: RunningStage) -> None:
        """Write the terminal event of a run whose process died; the caller holds its concerns."""
        if all(each != marker for each in running_stages(self._project)):
            return  # its process lived, and has ended it meanwhile
        self._marker = marker
        if not self._is_open(marker):
            self._clear()
            return
        if has_record(self._project, marker):
            code, message = "stage_recovered", f"{marker.stage} had finished when its process ended"
        else:
            code, message = "stage_interrupted", f"{marker.stage} was interrupted: its process ended"
        written = _named(holding(self._project, marker.written))
        payload = {"stage": marker.stage, "started": marker.started, **written}
        self._mark_ending()
        self._emit(marker.event_stage, code, message, payload, marker.run_id, marker.parent)
        self._clear()

    def _is_open(self, marker: RunningStage) -> bool:
        """The run has its first event and no terminal one."""
        if not self._trail.after(marker.after, marker.run_id):
            return False
        return marker.ending is None or not self._trail.after(marker.ending, marker.run_id)

    def _mark_ending(self) -> None:
        """Remember how far the trail is; a full disk must not hide how the run itself ended."""
        if self._marker is not None:
            self._marker.ending = self._trail.newest()
            with suppress(OSError, NarrowcastError):
                write_running(self._project, self._marker)

    def _emit(
        self,
        stage: StageName,
        code: str,
        message: str,
        payload: dict[str, Any] | None,
        run: str,
        parent: str | None,
    ) -> None:
        if self._leads:
            self._trail.emit(stage, code, message, payload=payload, run=run, parent=parent)

    def _clear(self) -> None:
        if self._leads and self._marker is not None:
            clear_running(self._project, self._marker.stage)
            self._marker = None


def _named(written: Mapping[str, str]) -> dict[str, Any]:
    """What the payload of an event says of files."""
    return {WRITTEN: dict(written)} if written else {}


def error_for_callers(
    error: BaseException, definition: StageDefinition[Any, Any, Any]
) -> NarrowcastError | None:
    """What callers get instead of a foreign exception; None for our errors and for interrupts."""
    if isinstance(error, NarrowcastError) or not isinstance(error, Exception):
        return None
    return known_error(error) or StageError(
        _message(error, definition),
        where=place_of(error),
        next_command=f"narrowcast --debug {definition.words}, which shows the traceback",
        reason_code=definition.failure_code,
    )


def _failure_code(error: BaseException, definition: StageDefinition[Any, Any, Any]) -> str:
    """The error's own code where this stage may emit it, otherwise the general one of the stage."""
    general = definition.failure_code
    if isinstance(error, CancelledError | KeyboardInterrupt):
        general = definition.cancelled_code
    reason = REASONS.get(error.reason_code) if isinstance(error, NarrowcastError) else None
    if not isinstance(error, NarrowcastError) or reason is None:
        return general
    if error.reason_code in (NarrowcastError.default_reason_code, CancelledError.default_reason_code):
        return general
    return error.reason_code if reason.stage in (definition.event_stage, StageName.SYSTEM) else general


def _message(error: BaseException, definition: StageDefinition[Any, Any, Any]) -> str:
    if isinstance(error, NarrowcastError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return f"{definition.words} was stopped on request"
    cause = f": {first_line(error)}" if str(error) else ""
    return f"{definition.words} failed unexpectedly: {type(error).__name__}{cause}"
