"""Where the queue is: `jobs.db` beside the index, or schema `dbos` of an index in Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from narrowcast.core.settings import Settings
from narrowcast.faults import database_error
from narrowcast.plugins.optional import require

if TYPE_CHECKING:
    from dbos import DBOSClient

APPLICATION = "narrowcast"
# Workflows are recovered by workers of the same version alone; the shape of a step has not changed since.
VERSION = "1"
QUEUE = "narrowcast"


def queue_url(settings: Settings) -> str:
    """URL of the queue's database."""
    index = make_url(settings.database_url)
    if index.get_backend_name() == "sqlite":
        return f"sqlite:///{settings.home / 'jobs.db'}"
    return index.set(drivername=index.get_backend_name()).render_as_string(hide_password=False)


def queue_exists(settings: Settings) -> bool:
    """Whether there may be jobs; in Postgres only the queue itself can tell."""
    url = queue_url(settings)
    return not url.startswith("sqlite") or (settings.home / "jobs.db").exists()


@contextmanager
def queue_client(settings: Settings) -> Iterator[DBOSClient]:
    """A connection that enqueues and steers; it runs nothing itself.

    Raises:
        MissingExtraError: if DBOS is not installed.
        WorkspaceError: if the database cannot be reached.
    """
    require("dbos", purpose="jobs")
    from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer
    from sqlalchemy.exc import SQLAlchemyError

    _quiet()
    url = queue_url(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        # Written after the tables: a process that was killed in between leaves a file without all of them.
        stamp = settings.home / "jobs.db.made"
        if not url.startswith("sqlite") or not (stamp.exists() and (settings.home / "jobs.db").exists()):
            DBOS.migrate(url)
            if url.startswith("sqlite"):
                stamp.touch()
        client = DBOSClient(
            system_database_url=url,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            retry_connection_errors=False,
        )
    except SQLAlchemyError as error:
        raise database_error(error, make_url(url).render_as_string(hide_password=True)) from error
    try:
        yield client
    finally:
        client.destroy()


def _quiet() -> None:
    import logging

    logging.getLogger("dbos").setLevel(logging.ERROR)
