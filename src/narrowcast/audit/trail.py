"""The append-only trail of a project: each event carries the hash of the one before.

Emission is best effort: when the database refuses, the event goes to the project's spool file, work goes
on, and `verify` shows the gap. A head file beside the project's records holds the newest sequence number
and hash, so that a trail cut at its end is found as well.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from narrowcast.audit.event import GENESIS, RunEvent
from narrowcast.core.paths import ProjectPaths
from narrowcast.reasons import REASONS, Severity, StageName
from narrowcast.store.files import append_jsonl, read_jsonl, write_json
from narrowcast.store.tables import EventTable


class TrailReport(BaseModel):
    """What `audit verify` found."""

    events: int
    spooled: int
    intact: bool
    problems: list[str]


class Trail:
    """Writes and reads the events of one project."""

    def __init__(self, engine: Engine, project_id: int, paths: ProjectPaths, actor: str) -> None:
        self._engine = engine
        self._project_id = project_id
        self._paths = paths
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
            "stage": stage,
            "severity": reason.severity,
            "reason_code": reason_code,
            "message": message,
            "payload": json.loads(json.dumps(payload or {}, default=str)),
            "actor": self._actor,
        }
        try:
            return self._append(fields)
        except (SQLAlchemyError, OSError) as error:
            self._spool(fields, error)
            return None

    def _append(self, fields: dict[str, Any]) -> RunEvent:
        with Session(self._engine) as session:
            if self._engine.dialect.name == "sqlite":
                session.execute(text("BEGIN IMMEDIATE"))  # the chain has one writer at a time
            last = session.execute(
                select(EventTable.seq, EventTable.hash)
                .where(EventTable.project_id == self._project_id)
                .order_by(EventTable.seq.desc())
                .limit(1)
                .with_for_update()
            ).first()
            seq, prev_hash = (last.seq + 1, last.hash) if last else (1, GENESIS)
            event = RunEvent(**fields, seq=seq, prev_hash=prev_hash).sealed()
            row = event.model_dump(mode="json")
            row["project_id"] = row.pop("project")
            session.add(EventTable(**row))
            session.commit()
        write_json(self._head, {"seq": event.seq, "hash": event.hash})
        return event

    def _spool(self, fields: dict[str, Any], error: Exception) -> None:
        row = {
            key: str(value) if isinstance(value, StageName | Severity) else value
            for key, value in fields.items()
        }
        try:
            append_jsonl(self._paths.spool, {**row, "spooled_because": str(error).splitlines()[0]})
        except OSError as second:
            # The data write must go on even where neither the database nor the disk takes the event.
            import warnings

            warnings.warn(f"an audit event was lost: {second}", RuntimeWarning, stacklevel=3)

    @property
    def _head(self) -> Any:
        return self._paths.registry / "events.head.json"

    def events(
        self,
        *,
        run: str | None = None,
        stage: StageName | None = None,
        severity: Severity | None = None,
        limit: int | None = None,
    ) -> list[RunEvent]:
        """Events in order, the newest `limit` of them where given."""
        query = select(EventTable).where(EventTable.project_id == self._project_id)
        if run:
            query = query.where(EventTable.run == run)
        if stage:
            query = query.where(EventTable.stage == stage.value)
        if severity:
            query = query.where(EventTable.severity == severity.value)
        query = query.order_by(EventTable.seq.desc())
        if limit is not None:
            query = query.limit(limit)
        with Session(self._engine) as session:
            return [_event(row) for row in session.scalars(query)][::-1]

    def verify(self) -> TrailReport:
        """Recompute the chain: changed, missing, reordered, cut or spooled events are problems."""
        events = self.events()
        problems = list(_chain_problems(events))
        if self._head.exists():
            head = json.loads(self._head.read_text())
            newest = (events[-1].seq, events[-1].hash) if events else (0, GENESIS)
            # A head one behind is a kill between the commit and the head's rewrite, not a forgery.
            if head["seq"] > newest[0]:
                problems.append(f"the trail ends at event {newest[0]}, its head file says {head['seq']}")
            elif head["seq"] == newest[0] and head["hash"] != newest[1]:
                problems.append(f"the newest event {newest[0]} is not the one the head file names")
        elif events:
            problems.append("the head file is missing")
        spooled = sum(1 for _ in read_jsonl(self._paths.spool)) if self._paths.spool.exists() else 0
        if spooled:
            problems.append(f"{spooled} event(s) could not be written to the trail and are in the spool")
        return TrailReport(events=len(events), spooled=spooled, intact=not problems, problems=problems)


def _event(row: EventTable) -> RunEvent:
    values = {name: getattr(row, name) for name in RunEvent.model_fields if name != "project"}
    return RunEvent(project=row.project_id, **values)


def _chain_problems(events: list[RunEvent]) -> Iterator[str]:
    previous = GENESIS
    for expected, event in enumerate(events, start=1):
        if event.seq != expected:
            yield f"event {expected} is missing (found {event.seq})"
            return
        if event.prev_hash != previous:
            yield f"event {event.seq} does not follow the one before"
        if event.digest() != event.hash:
            yield f"event {event.seq} was changed after it was written"
        previous = event.hash
