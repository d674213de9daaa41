"""The schema: what the migrations build is what the tables say, and first commands may race."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from narrowcast.errors import WorkspaceError
from narrowcast.store.database import SCHEMA_REVISION, open_database
from narrowcast.store.tables import Base


def test_migrations_build_the_tables(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    built = inspect(engine)
    for table in Base.metadata.sorted_tables:
        columns = {column["name"] for column in built.get_columns(table.name)}
        assert columns == {column.name for column in table.columns}
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == SCHEMA_REVISION
    engine.dispose()


def test_the_newest_script_is_the_revision_we_look_for() -> None:
    scripts = Path(sys.modules["narrowcast.store.database"].__file__ or "").parent / "migrations" / "versions"
    assert max(path.name[:4] for path in scripts.glob("0*.py")) == SCHEMA_REVISION


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    open_database(url).dispose()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(WorkspaceError, match="another version"):
        open_database(url)


def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(WorkspaceError, match="cannot be used") as caught:
        open_database(f"sqlite:///{tmp_path / 'a.db'}")
    assert caught.value.reason_code == "system_db_damaged"


def test_two_simultaneous_first_commands(tmp_path: Path) -> None:
    script = "import sys; from narrowcast.store.database import open_database; open_database(sys.argv[1])"
    url = f"sqlite:///{tmp_path / 'a.db'}"
    processes = [subprocess.Popen([sys.executable, "-c", script, url]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
