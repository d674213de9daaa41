"""Advisory locks of Postgres, for projects whose database several machines share.

The locks of files hold between the processes of one machine; on a network file system they may not hold
between two. Where the index is in Postgres, its locks hold as well. On SQLite nothing is needed. A lock ends
with its transaction or connection, so a killed process cannot keep one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from narrowcast.errors import ProjectBusyError

_LONGEST_NAME = 63  # bytes that Postgres keeps of an application name


class Kind(IntEnum):
    """What a lock is for; the first key of each, the project's number being the second."""

    PROJECT = 0x6E6301
    EVENTS = 0x6E6302


def lock_until_commit(session: Session, kind: Kind, project_id: int) -> None:
    """Wait for the lock and hold it to the end of the session's transaction."""
    if session.get_bind().dialect.name == "postgresql":
        keys = {"kind": int(kind), "project": project_id}
        session.execute(text("SELECT pg_advisory_xact_lock(:kind, :project)"), keys)


@contextmanager
def database_lock(engine: Engine, project_id: int, command: str) -> Iterator[None]:
    """Hold the project alone among all machines that use the database.

    Raises:
        ProjectBusyError: if another process holds it; says which, on which machine.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    keys = {"kind": int(Kind.PROJECT), "project": project_id}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text("SELECT pg_try_advisory_lock(:kind, :project)"), keys).scalar():
            raise ProjectBusyError(
                "another process works on this project",
                where=_holder(connection, keys),
                next_command="wait until it has finished, then run the same command again",
            )
        _name(connection, f"process {os.getpid()} on {socket.gethostname()}: {command}")
        try:
            yield
        finally:
            with suppress(SQLAlchemyError):  # a lost connection has lost the lock as well
                connection.execute(text("SELECT pg_advisory_unlock(:kind, :project)"), keys)
                _name(connection, "")


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
