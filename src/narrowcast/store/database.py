"""Opening the index: SQLite in write-ahead mode by default, any SQLAlchemy URL otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from narrowcast.errors import WorkspaceError
from narrowcast.faults import database_error
from narrowcast.store.files import disk_errors

# The newest revision under migrations/versions; a test holds it to the scripts.
SCHEMA_REVISION = "0002"

_BUSY_S = 10.0  # how long a command waits for another's transaction; `?timeout=` of the URL goes before


def open_database(url: str) -> Engine:
    """An engine whose schema is up to date.

    Raises:
        WorkspaceError: if the database cannot be opened or was written by a newer version.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        folder = Path(parsed.database).parent
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={} if "timeout" in parsed.query else {"timeout": _BUSY_S})
        event.listen(engine, "connect", _configure_sqlite)
    else:
        engine = create_engine(url)
    try:
        if _revision(engine) != SCHEMA_REVISION:
            _migrate(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        raise database_error(error, parsed.render_as_string(hide_password=True)) from error
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _revision(engine: Engine) -> str | None:
    """The schema's revision, read without importing Alembic (its import alone takes 0.2 s)."""
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "narrowcast:store/migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["engine"] = engine
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise WorkspaceError(
            f"the database was written by another version of narrowcast: {error}",
            next_command="upgrade narrowcast, or use another --home",
            reason_code="system_db_error",
        ) from error
