"""Advisory locks of Postgres, for projects whose database several machines share.

The locks of files hold between the processes of one machine; on a network file system they may not hold
between two. Where the index is in Postgres, its locks hold as well. On SQLite nothing is needed. A lock ends
with its transaction or connection, so a killed process cannot keep one.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from narrowcast.core.concerns import WHOLE, Holds
from narrowcast.core.work import Work
from narrowcast.errors import ProjectBusyError

_WAIT = 0.5  # seconds between two looks at a lock that others hold
_LONGEST_NAME = 63  # bytes that Postgres keeps of an application name


class Kind(IntEnum):
    """What a lock is for; the first key of each, the project's number being the second."""

    PROJECT = 0x6E6301
    EVENTS = 0x6E6302
    DATA = 0x6E6303
    VERSION = 0x6E6304
    TRAINING = 0x6E6305
    MEASURE = 0x6E6306
    EXPORT = 0x6E6307


def lock_until_commit(session: Session, kind: Kind, project_id: int) -> None:
    """Wait for the lock and hold it to the end of the session's transaction."""
    if session.get_bind().dialect.name == "postgresql":
        keys = {"kind": int(kind), "project": project_id}
        session.execute(text("SELECT pg_advisory_xact_lock(:kind, :project)"), keys)


@contextmanager
def database_lock(
    engine: Engine, project_id: int, command: str, needed: Holds = WHOLE, waiting: Work | None = None
) -> Iterator[None]:
    """Hold what is needed of a project among all machines that use the database.

    Args:
        engine: of the index.
        project_id: the project's number.
        command: for the message that others get.
        needed: concerns, or the whole project.
        waiting: how to be stopped while others are waited for; None fails immediately.

    Raises:
        ProjectBusyError: if another process holds it; says which, on which machine.
        CancelledError: on request, while it waits.
    """
    if engine.dialect.name != "postgresql" or needed == Holds():
        yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        taken: list[tuple[str, dict[str, int]]] = []
        try:
            for kind, alone in _kinds(needed):
                keys, suffix = {"kind": int(kind), "project": project_id}, "" if alone else "_shared"
                _take(connection, keys, suffix, waiting)
                taken.append((suffix, keys))
            _name(connection, f"process {os.getpid()} on {socket.gethostname()}: {command}")
            yield
        finally:
            with suppress(SQLAlchemyError):  # a lost connection has lost the locks as well
                for suffix, keys in taken:
                    connection.execute(text(f"SELECT pg_advisory_unlock{suffix}(:kind, :project)"), keys)
                _name(connection, "")


def _kinds(needed: Holds) -> Iterator[tuple[Kind, bool]]:
    """The kinds of lock, and whether each is held alone; that of the project is always among them."""
    yield Kind.PROJECT, needed.whole
    for concern in sorted(needed.alone | needed.shared):
        yield Kind[concern.name], concern in needed.alone


def _take(connection: Connection, keys: dict[str, int], suffix: str, waiting: Work | None) -> None:
    query = text(f"SELECT pg_try_advisory_lock{suffix}(:kind, :project)")
    while not connection.execute(query, keys).scalar():
        if waiting is None:
            raise ProjectBusyError(
                "another process works on this project",
                where=_holder(connection, keys),
                next_command="wait until it has finished, then run the same command again",
            )
        waiting.cancel.check()
        time.sleep(_WAIT)


def _name(connection: Connection, name: str) -> None:
    shortened = name.encode()[:_LONGEST_NAME].decode(errors="ignore")
    connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": shortened})


def _holder(connection: Connection, keys: dict[str, int]) -> str:
    """What the holder called itself; a connection that is about to let go may have no name any more."""
    query = text(
        "SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory' "
        "AND granted AND classid = :kind AND objid = :project AND pg_locks.database = datid"
    )
    return connection.execute(query, keys).scalar() or "a process on another machine"
