"""The append-only trail of a project: each event carries the hash of the one before.

The trail is a file of the project and travels with it (`narrowcast.store.events`). Emission is best effort:
when the file cannot be written, the event goes to the project's spool, work continues, and `verify` shows the
gap. A head file holds the newest number and hash, so that a trail cut at its end is found as well.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import Engine

from narrowcast.audit.event import RunEvent
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError, NarrowcastError
from narrowcast.reasons import REASONS, Severity, StageName
from narrowcast.store.events import GENESIS, EventStore


class TrailReport(BaseModel):
    """What `audit verify` found."""

    events: int
    spooled: int
    intact: bool
    problems: list[str]


class Trail:
    """Writes and reads the events of one project."""

    def __init__(self, engine: Engine, project_id: int, paths: ProjectPaths, actor: str) -> None:
        self._store = EventStore(engine, project_id, paths)
        self._project_id = project_id
        self._actor = actor

    def emit(
        self,
        stage: StageName,
        reason_code: str,
        message: str,
        *,
        payload: dict[str, Any] | None = None,
        run: str | None = None,
        parent: str | None = None,
    ) -> RunEvent | None:
        """Append an event; its severity comes from the taxonomy.

        Returns:
            The event, or None where it had to be spooled.

        Raises:
            ValueError: for a reason code outside the taxonomy, or of another stage (a mistake in our code).
        """
        reason = REASONS.get(reason_code)
        if reason is None:
            raise ValueError(f"reason code {reason_code!r} is not in the taxonomy")
        if reason.stage not in (stage, StageName.SYSTEM):
            raise ValueError(f"reason code {reason_code!r} belongs to {reason.stage}, not to {stage}")
        fields: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "time": datetime.now(UTC).isoformat(timespec="microseconds"),
            "project": self._project_id,
            "run": run,
            "parent": parent,
            "stage": stage.value,
            "severity": reason.severity.value,
            "reason_code": reason_code,
            "message": message,
            "payload": json.loads(json.dumps(payload or {}, default=str), parse_constant=str),
            "actor": self._actor,
        }
        try:
            return self._append(fields)
        except (OSError, NarrowcastError) as error:
            self._spool(fields, error)
            return None

    def _append(self, fields: dict[str, Any]) -> RunEvent:
        def seal(seq: int, prev_hash: str) -> dict[str, Any]:
            event = RunEvent(**fields, seq=seq, prev_hash=prev_hash).sealed()
            return event.model_dump(mode="json")

        return RunEvent.model_validate(self._store.append(seal))

    def _spool(self, fields: dict[str, Any], error: Exception) -> None:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        try:
            self._store.spool({**fields, "spooled_because": reason})
        except (OSError, NarrowcastError) as second:
            # The data write must continue even where neither the trail nor the spool takes the event.
            import warnings

            warnings.warn(f"an audit event was lost: {second}", RuntimeWarning, stacklevel=3)

    def events(
        self,
        *,
        run: str | None = None,
        parent: str | None = None,
        stage: StageName | None = None,
        severity: Severity | None = None,
        limit: int | None = None,
    ) -> list[RunEvent]:
        """Events in order, the newest `limit` of them where given."""
        rows = self._store.query(run=run, parent=parent, stage=stage, severity=severity, limit=limit)
        return [RunEvent.model_validate(row) for row in rows]

    def newest(self) -> int:
        """Number of the newest event in the file; 0 where there is none, or the file cannot be read."""
        try:
            return self._store.newest()
        except (OSError, NarrowcastError):
            return 0

    def after(self, number: int, run: str) -> list[str]:
        """Reason codes of a run's events after a number, from the file; none where it cannot be read."""
        try:
            return [
                row["reason_code"] for row in self._store.read() if row["seq"] > number and row["run"] == run
            ]
        except (OSError, NarrowcastError):
            return []

    def verify(self) -> TrailReport:
        """Recompute the chain from the file: changed, missing, reordered, cut and spooled events show."""
        count, hashes, problems = 0, {0: GENESIS}, []
        try:
            for problem, event in _checked(self._store.read()):
                count, hashes[event.seq] = count + 1, event.hash
                problems += [problem] if problem else []
        except (DataError, ValidationError) as error:
            problems.append(f"the line after event {count} is not an event: {str(error).splitlines()[0]}")
        problems += _head_problems(self._store.head(), hashes, count)
        spooled = self._store.spooled()
        if spooled:
            problems.append(f"{spooled} event(s) could not be written to the trail and are in the spool")
        return TrailReport(events=count, spooled=spooled, intact=not problems, problems=problems)


def _checked(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[str, RunEvent]]:
    """Each event with what is wrong with it; ends at a gap, after which nothing can be verified."""
    previous, expected = GENESIS, 1
    for row in rows:
        event = RunEvent.model_validate(row)
        if event.seq != expected:
            yield f"event {expected} is missing (found {event.seq})", event
            return
        if event.prev_hash != previous:
            yield f"event {event.seq} does not follow the one before", event
        elif event.digest() != event.hash:
            yield f"event {event.seq} was changed after it was written", event
        else:
            yield "", event
        previous, expected = event.hash, expected + 1


def _head_problems(head: tuple[int, str] | None, hashes: dict[int, str], count: int) -> Iterator[str]:
    """A head that is behind is a kill between the event and the head, not a forgery."""
    if head is None:
        if count:
            yield "the head file is missing"
    elif head[0] > max(hashes):
        yield f"the trail ends at event {max(hashes)}, its head file says {head[0]}"
    elif hashes.get(head[0]) != head[1]:
        yield f"event {head[0]} is not the one the head file names"
