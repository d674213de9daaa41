"""The events of a project: a file is the truth, a table of the workspace's database is its index.

    registry/events.jsonl        one event per line, each with its number and the hash of the one before
    registry/events.head.json    number and hash of the newest event, so that a file cut at its end is noticed
    registry/events.spool.jsonl  events that could not be written

An event is appended and flushed while this process alone holds the file's lock (on Postgres an advisory lock
as well, because another machine may write to the same folder); head and index follow. A kill in between
leaves them one behind, which the next append or `bring_index_up_to_date` repairs. The file travels with the
project: a copy or a clone has its whole trail, and the index is built from it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from sqlalchemy import Engine, delete, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError, WorkspaceError
from narrowcast.faults import first_line
from narrowcast.store.advisory import Kind, lock_until_commit
from narrowcast.store.files import (
    append_jsonl,
    count_lines,
    disk_errors,
    json_line,
    read_json,
    read_jsonl,
    write_json,
)
from narrowcast.store.tables import EventIndexTable
from narrowcast.store.witness import Place, Witness

Row = dict[str, Any]
Seal = Callable[[int, str], Row]

GENESIS = "0" * 64
"""What the first event has as the hash of the one before."""
_START: Place = (0, GENESIS)
_BLOCK = 1 << 16


class EventStore:
    """Writes and reads the events of one project; knows their file and index, not what they mean.

    Args:
        engine: of the index; None for a trail that has none.
        project_id: the project's number in the index.
        paths: where the file is.
        witness: what is remembered of the file outside the project.
    """

    def __init__(self, engine: Engine | None, project_id: int, paths: ProjectPaths, witness: Witness) -> None:
        self.witness = witness
        self._engine = engine
        self._project_id = project_id
        self._paths = paths

    def append(self, seal: Seal) -> Row:
        """Add an event at the end.

        Args:
            seal: makes the event of its number and of the hash of the one before; called under the lock.

        Raises:
            WorkspaceError: if the file cannot be written.
            DataError: if its last line is damaged.
        """
        path = self._paths.events
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b") as file, self._one_writer(file) as session:
                before = _next_place(file, self.head())
                row = seal(before[0] + 1, before[1])
                file.write(json_line(row))
                file.flush()
                os.fsync(file.fileno())
                self._write_head(row)
                self._index(session, row)
                with suppress(DataError, OSError, WorkspaceError):  # the event is written; verify tells
                    self.witness.see(_place(row), before, self.holds)
                return row

    def spool(self, row: Row) -> None:
        """Keep an event that could not be appended, for people to see."""
        append_jsonl(self._paths.spool, row)

    def read(self) -> Iterator[Row]:
        """Every event of the file, in its order; a torn last line was never acknowledged and is left out.

        Raises:
            DataError: at a line that is not JSON.
        """
        if self._paths.events.exists():
            try:
                yield from read_jsonl(self._paths.events)
            except (ValueError, RecursionError, OSError) as error:
                raise _damaged(self._paths, first_line(error)) from error

    def spooled(self) -> int:
        """How many events are in the spool, damaged lines included."""
        return count_lines(self._paths.spool) if self._paths.spool.exists() else 0

    def head(self) -> Place | None:
        """What the head file says of the newest event; None where it is missing or damaged."""
        if not self._paths.events_head.exists():
            return None
        try:
            head = read_json(self._paths.events_head)
            return int(head["seq"]), str(head["hash"])
        except (DataError, KeyError, TypeError, ValueError):
            return None

    def newest(self) -> int:
        """Number of the file's last whole event, 0 where it has none.

        Raises:
            DataError: if its last line is damaged.
        """
        return self.end()[0]

    def end(self) -> Place:
        """Number and hash of the file's last whole event.

        Raises:
            DataError: if its last line is damaged.
        """
        if not self._paths.events.exists():
            return _START
        with self._paths.events.open("rb") as file:
            return _last_place(file)

    def query(self, *, limit: int | None = None, **equal: str | None) -> list[Row]:
        """Events in order, from the index; the newest `limit` of them where given.

        Args:
            limit: how many.
            **equal: `run`, `parent`, `stage` or `severity`, and the value it must have; None takes any.
        """
        if self._engine is None:
            equals = {name: value for name, value in equal.items() if value is not None}
            rows = [row for row in self.read() if all(row[name] == value for name, value in equals.items())]
            return rows[-limit:] if limit is not None else rows
        self.bring_index_up_to_date()
        table = EventIndexTable
        statement = select(table.record).where(table.project_id == self._project_id)
        for column, value in equal.items():
            if value is not None:
                statement = statement.where(getattr(table, column) == value)
        statement = statement.order_by(table.seq.desc())
        if limit is not None:
            statement = statement.limit(limit)
        with Session(self._engine) as session:
            return [json.loads(record) for record in session.scalars(statement)][::-1]

    def bring_index_up_to_date(self) -> None:
        """Add what the index lacks; build it anew where it does not belong to the file."""
        if self._engine is None or not self._paths.events.exists():
            return
        with self._paths.events.open("rb") as file, self._one_writer(file) as session:
            if session is not None:
                self._catch_up(session, _last_place(file))

    def rebuild_index(self) -> None:
        """Build the index anew from the file, where what it holds cannot be read."""
        if self._engine is None:
            return
        with Session(self._engine) as session:
            session.execute(delete(EventIndexTable).where(EventIndexTable.project_id == self._project_id))
            session.commit()
        self.bring_index_up_to_date()

    def holds(self, place: Place) -> bool:
        """Whether the file has this event.

        Raises:
            DataError: at a line that is not JSON.
        """
        return any(_place(row) == place for row in self.read())

    def _write_head(self, row: Row) -> None:
        write_json(self._paths.events_head, {"seq": row["seq"], "hash": row["hash"]})

    @contextmanager
    def _one_writer(self, file: IO[bytes]) -> Iterator[Session | None]:
        """The lock of the file and a transaction of the index; None where the database refuses."""
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
        if self._engine is None:
            yield None
            return
        session = Session(self._engine)
        try:
            yield session if self._begin(session) else None
        finally:
            session.close()

    def _begin(self, session: Session) -> bool:
        try:
            if session.get_bind().dialect.name == "sqlite":
                session.execute(text("BEGIN IMMEDIATE"))
            else:
                lock_until_commit(session, Kind.EVENTS, self._project_id)
        except SQLAlchemyError:
            session.rollback()
            return False
        return True

    def _index(self, session: Session | None, row: Row) -> None:
        """Enter a new event. A failure is not one of the append: the file has the event."""
        if session is None:
            return
        try:
            if self._last_indexed(session) == (row["seq"] - 1, row["prev_hash"]):
                session.add(self._line(row))
                session.commit()
            else:
                self._catch_up(session, (row["seq"], row["hash"]))
        except SQLAlchemyError:
            session.rollback()

    def _catch_up(self, session: Session, newest: Place) -> None:
        """Add the events after the last indexed one; all of them anew where the index has gaps."""
        known, last = self._indexed(session), self._last_indexed(session)
        if last == newest and known == newest[0]:
            return
        rows = list(self.read())
        belongs = known == 0 or (known <= len(rows) and _place(rows[known - 1]) == last)
        if not belongs:
            session.execute(delete(EventIndexTable).where(EventIndexTable.project_id == self._project_id))
            known = 0
        session.add_all(self._line(row) for row in rows[known:])
        session.commit()

    def _indexed(self, session: Session) -> int:
        """How many events the index holds."""
        mine = EventIndexTable.project_id == self._project_id
        return session.scalar(select(func.count()).select_from(EventIndexTable).where(mine)) or 0

    def _last_indexed(self, session: Session) -> Place:
        last = session.execute(
            select(EventIndexTable.seq, EventIndexTable.hash)
            .where(EventIndexTable.project_id == self._project_id)
            .order_by(EventIndexTable.seq.desc())
            .limit(1)
        ).first()
        return (last.seq, last.hash) if last else _START

    def _line(self, row: Row) -> EventIndexTable:
        return EventIndexTable(
            project_id=self._project_id,
            record=json.dumps(row),
            **{name: row[name] for name in ("seq", "hash", "time", "run", "parent", "stage", "severity")},
        )


def _next_place(file: IO[bytes], head: Place | None) -> Place:
    """Number and hash of the event that the next one follows.

    A head that is not behind the file is what the next event follows: were the file cut or its end changed,
    the gap stays visible instead of being written over.
    """
    last = _last_place(file, cut_torn=True)
    return head if head and head[0] >= last[0] else last


def _last_place(file: IO[bytes], *, cut_torn: bool = False) -> Place:
    """Number and hash of the file's last whole line, read from its end."""
    end = file.seek(0, os.SEEK_END)
    tail, start = b"", end
    while start and tail[:-1].count(b"\n") < 2:
        start = max(0, start - _BLOCK)
        file.seek(start)
        tail = file.read(end - start)
    whole = tail[: tail.rfind(b"\n") + 1]
    if cut_torn and len(whole) < len(tail):
        file.truncate(end - len(tail) + len(whole))  # a kill during its append; it was never acknowledged
    line = whole[:-1].rpartition(b"\n")[2]
    if not line:
        return _START
    try:
        return _place(json.loads(line))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            "the last event of the trail is damaged", where=file.name, next_command="narrowcast audit verify"
        ) from error


def _place(row: Row) -> Place:
    return row["seq"], row["hash"]


def _damaged(paths: ProjectPaths, why: str) -> DataError:
    return DataError(
        f"a line of the trail is not an event: {why}",
        where=str(paths.events),
        next_command="narrowcast audit verify",
    )
