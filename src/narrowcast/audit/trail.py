"""The append-only trail of a project: each event carries the hash of the one before.

The trail is a file of the project and travels with it (`narrowcast.store.events`). Emission is best effort:
when the file cannot be written, the event goes to the project's spool, work continues, and `verify` shows the
gap. A head file holds the newest number and hash, so that a trail cut at its end is found as well, and the
workspace remembers them too (`narrowcast.store.witness`), so that a trail removed with its head is.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError

from narrowcast.audit.event import RunEvent
from narrowcast.audit.files import ComparedFiles, compare_files
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError, NarrowcastError, WorkspaceError
from narrowcast.faults import first_line, readable
from narrowcast.reasons import REASONS, Severity, StageName
from narrowcast.store.events import GENESIS, EventStore
from narrowcast.store.seals import Sealed, sealed_by
from narrowcast.store.witness import Acknowledged, Place

_SURROGATE = re.compile("[\ud800-\udfff]")


class TrailReport(BaseModel):
    """What `audit verify` found."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    events: int
    files: int = 0
    """Files of the project that hold what their stages wrote."""
    spooled: int
    intact: bool
    problems: list[str]
    notes: list[str] = Field(default_factory=list)
    """What is known and no problem: an older trail that was accepted, files that are gone or not covered."""


class Trail:
    """Writes and reads the events of one project."""

    def __init__(self, store: EventStore, project_id: int, paths: ProjectPaths, actor: str) -> None:
        self._store = store
        self._paths = paths
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
            "message": readable(message),
            "payload": _plain(payload or {}),
            "actor": readable(self._actor),
        }
        try:
            return self._append(fields)
        except (OSError, NarrowcastError, ValueError, SQLAlchemyError) as error:
            self._spool(fields, error)
            return None

    def _append(self, fields: dict[str, Any]) -> RunEvent:
        def seal(seq: int, prev_hash: str) -> dict[str, Any]:
            event = RunEvent(**fields, seq=seq, prev_hash=prev_hash).sealed()
            return event.model_dump(mode="json")

        return RunEvent.model_validate(self._store.append(seal))

    def _spool(self, fields: dict[str, Any], error: Exception) -> None:
        try:
            self._store.spool({**fields, "spooled_because": first_line(error)})
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
        equal = {"run": run, "parent": parent, "stage": stage, "severity": severity}
        try:
            return [RunEvent.model_validate(row) for row in self._store.query(limit=limit, **equal)]
        except ValueError:  # the index was damaged, and is built from the file
            self._store.rebuild_index()
        try:
            return [RunEvent.model_validate(row) for row in self._store.query(limit=limit, **equal)]
        except ValueError as error:
            raise DataError(
                f"an event of the trail cannot be read: {first_line(error)}",
                where=str(self._paths.events),
                next_command="narrowcast audit verify",
            ) from error

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

    def find(self, reason_code: str, **payload: Any) -> RunEvent | None:
        """The first event in the file with this code and these values in its payload.

        Raises:
            DataError: at a line that is not JSON.
        """
        for row in self._store.read():
            same = row["reason_code"] == reason_code
            if same and all(row["payload"].get(name) == value for name, value in payload.items()):
                return RunEvent.model_validate(row)
        return None

    def end(self) -> Place:
        """Number and hash of the newest event in the file; number 0 where there is none.

        Raises:
            DataError: if its last line is damaged.
        """
        return self._store.end()

    def accept(self, reason_code: str, message: str, change: str, payload: dict[str, Any]) -> RunEvent:
        """Continue from a trail that ends before the remembered event, and say so for good.

        The event is in the trail, and what it passes over stays in the workspace's memory, where every
        later `verify` reports it. Where the trail holds the remembered event there is nothing to accept, and
        only the event is written. Repeated after a kill, it completes what is missing.

        Args:
            reason_code: of the event.
            message: of the event.
            change: names what is done, so that it is not done twice.
            payload: of the event.

        Raises:
            DataError: if trail or memory are damaged.
            WorkspaceError: if the event cannot be written.
        """
        witness = self._store.witness
        event = self.find(reason_code, change=change)
        if event is None:
            end, known = self.end(), witness.newest()
            passed = known if known is not None and not self._store.holds(known) else None
            report = {**payload, "change": change, "end": end, "passed_over": passed}
            event = self.emit(StageName.SYSTEM, reason_code, message, payload=report)
        if event is None:
            raise WorkspaceError("the event could not be written", where=str(self._paths.events))
        place = (event.seq, event.hash)
        passed = event.payload["passed_over"]
        if passed is not None and all(each.event != place for each in witness.acknowledged()):
            witness.acknowledge(
                Acknowledged(event=place, end=event.payload["end"], passed=passed, time=event.time)
            )
        return event

    def verify(self, *, files: bool = True) -> TrailReport:
        """Recompute the chain from the file; compare its end with the head and the workspace's memory.

        Whatever is damaged is a problem of the report, never an exception.

        Args:
            files: compare what stages wrote with the hashes in their events as well.
        """
        count, hashes, problems = 0, {0: GENESIS}, []
        seals: dict[str, Sealed] = {}
        try:
            for problem, event in _checked(self._store.read()):
                count, hashes[event.seq] = count + 1, event.hash
                problems += [problem] if problem else []
                seals |= sealed_by(event.seq, event.payload)
        except (DataError, ValueError, TypeError, RecursionError) as error:
            problems.append(f"the line after event {count} is not an event: {first_line(error)}")
        problems += _head_problems(self._store.head(), hashes, count)
        problems += self._beyond_the_trail(hashes)
        spooled = self._store.spooled()
        if spooled:
            problems.append(f"{spooled} event(s) could not be written to the trail and are in the spool")
        notes, missing = self._acknowledged(hashes)
        compared = compare_files(self._paths, seals, whole=not problems) if files else ComparedFiles()
        problems += [*missing, *compared.problems]
        return TrailReport(
            events=count,
            files=compared.files,
            spooled=spooled,
            intact=not problems,
            problems=problems,
            notes=[*notes, *compared.notes],
        )

    def _acknowledged(self, hashes: dict[int, str]) -> tuple[list[str], list[str]]:
        """What is known of accepted trails, and what of it the trail does not say."""
        notes, missing = [], []
        try:
            accepted = self._store.witness.acknowledged()
        except DataError:
            return [], []  # reported with the remembered event
        for each in accepted:
            number = each.event[0]
            if hashes.get(number) != each.event[1]:
                missing.append(f"event {number}, by which an older trail was accepted, is not in the trail")
            else:
                notes.append(
                    f"event {number} ({each.time[:10]}) accepted a trail that ended at event {each.end[0]}, "
                    f"as of a restored backup; the workspace had seen it up to event {each.passed[0]}"
                )
        return notes, missing

    def _beyond_the_trail(self, hashes: dict[int, str]) -> Iterator[str]:
        """What the project's records and the workspace's memory say that the trail does not."""
        records = [path.name for path in (self._paths.imports, self._paths.datasets) if path.exists()]
        if len(hashes) == 1 and records:
            yield f"the trail is empty, and the project has records ({', '.join(records)})"
        try:
            known = self._store.witness.newest()
        except DataError as error:
            yield f"what the workspace remembers of the trail cannot be read: {error.where}"
            return
        if known is not None and hashes.get(known[0]) != known[1]:
            last = max(hashes)
            what = f"ends at event {last}" if known[0] > last else f"has another event {known[0]}"
            yield (
                f"the workspace remembers event {known[0]}, and the trail {what}: it was shortened or "
                "replaced (if by an older copy that you put there: narrowcast audit accept --reason TEXT)"
            )


def _plain(payload: dict[str, Any]) -> Any:
    """The payload as JSON can hold it; halves of surrogate pairs become text such as `\\udcff`."""
    text = json.dumps(payload, default=str, ensure_ascii=False)
    return json.loads(_SURROGATE.sub(lambda half: f"\\\\u{ord(half[0]):x}", text), parse_constant=str)


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
            yield "the head file is missing or damaged"
    elif head[0] > max(hashes):
        yield f"the trail ends at event {max(hashes)}, its head file says {head[0]}"
    elif hashes.get(head[0]) != head[1]:
        yield f"event {head[0]} is not the one the head file names"
