"""`sql:URL?query=SELECT …`: rows of a query, or of ?table=NAME: SQLite, Postgres, any SQLAlchemy URL

Nothing is written: SQLite files are opened read-only, Postgres in a read-only transaction, and only one
`SELECT`, `WITH`, `VALUES` or `TABLE` statement is allowed. A password belongs in the environment
(`PGPASSWORD`, or `${NAME}` in the URL); one in the URL is used, but not recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_plus

from narrowcast.connectors.base import SettledLocator, SourceAccess, SourceDescription
from narrowcast.connectors.header import unique_names
from narrowcast.connectors.private import is_loopback_name
from narrowcast.connectors.source import RAW_CHARS, SourceFile, data_error
from narrowcast.connectors.spool import Spool
from narrowcast.connectors.values import plain
from narrowcast.core.locator import Locator
from narrowcast.core.row import SourceRow
from narrowcast.errors import DataError, MissingExtraError, UsageError
from narrowcast.plugins import optional

if TYPE_CHECKING:
    from sqlalchemy import URL, CursorResult, Engine

_BATCH = 1_000  # rows that the driver fetches at a time
_CONNECT_SECONDS = 15
_SQLITE = "sqlite:///"
_STATEMENT_OPTION = re.compile(r"[?&](query|table)=(.*)", re.DOTALL)
# What cannot hold a semicolon that separates statements: strings, quoted names, comments.
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_READS = re.compile(r"[\s(]*(?:select|with|values|table)\b", re.IGNORECASE)


class SqlConnector:
    """Built from the URL after `sql:`; the query is everything after `query=`, percent-encoded or plain."""

    takes_access = True

    @staticmethod
    def settle(locator: Locator, project: Path, listed: bool) -> SettledLocator:
        """The path of an SQLite file as of any file; the statement after it is kept exactly."""
        if not locator.rest.startswith(_SQLITE):
            return SettledLocator(locator.public, locator)
        name, mark, query = locator.rest.removeprefix(_SQLITE).partition("?")
        inside = project / name
        path = inside if listed and inside.exists() else Path(name).expanduser().absolute()
        opened = Locator("sql", f"{_SQLITE}{path}{mark}{query}")
        return SettledLocator(str(locator) if listed else opened.public, opened)

    def __init__(self, rest: str, access: SourceAccess) -> None:
        locator = Locator("sql", rest)
        self._locator = locator.public
        self._where = self._locator.partition("?")[0].removeprefix("sql:")
        self._notes: list[str] = []
        self._spool = Spool(access.downloads, self._read)
        address, what, value = _split(locator.expanded().rest, self._where)
        self._url = self._parsed(address)
        self._refuse_offline(access)
        self._engine = self._create_engine()
        self._statement = _one_reading_statement(value) if what == "query" else self._select(what, value)
        if self._url.password and Locator("sql", rest).public != str(Locator("sql", rest)):
            self._notes.append("the password is not recorded; set ${NAME} in its place to read this again")
        if "order by" not in self._statement.lower():
            self._notes.append("the query has no ORDER BY; the order of rows is the database's choice")

    def _parsed(self, address: str) -> URL:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(address)
        except (ArgumentError, ValueError) as error:
            raise UsageError(
                "this is not a database URL",
                where=self._where,
                next_command="for example sql:sqlite:///data.db?table=rows, "
                "or sql:postgresql://user@host/name?query=SELECT …",
                reason_code="dataset_request_invalid",
            ) from error
        if url.drivername in ("postgres", "postgresql"):
            url = url.set(drivername="postgresql+psycopg")
        if url.drivername == "postgresql+psycopg":
            optional.require("psycopg", purpose="reading from Postgres")
        return url

    def _refuse_offline(self, access: SourceAccess) -> None:
        hosts = self._url.query.get("host", self._url.host)
        names = [hosts] if isinstance(hosts, str) else list(hosts or ())
        if access.offline and not all(each.startswith("/") or is_loopback_name(each) for each in names):
            raise data_error(
                "offline mode forbids network access",
                self._where,
                "unset NARROWCAST_OFFLINE to read from it",
                reason_code="dataset_source_unreachable",
            )

    def _create_engine(self) -> Engine:
        from sqlalchemy import create_engine
        from sqlalchemy.exc import NoSuchModuleError
        from sqlalchemy.pool import NullPool

        if self._url.get_backend_name() == "sqlite":
            return create_engine("sqlite://", creator=self._sqlite(), poolclass=NullPool)
        arguments: dict[str, Any] = {}
        if self._url.get_backend_name() == "postgresql":
            arguments["connect_timeout"] = _CONNECT_SECONDS
        try:
            return create_engine(self._url, poolclass=NullPool, connect_args=arguments)
        except NoSuchModuleError as error:
            raise UsageError(
                f"no database is called {self._url.drivername!r}",
                where=self._where,
                next_command="use sqlite, postgresql, or mysql+pymysql with its driver installed",
                reason_code="dataset_request_invalid",
            ) from error
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"{self._url.drivername} needs the driver {error.name}",
                where=self._where,
                next_command=f"pip install {error.name}",
            ) from error

    def _sqlite(self) -> Any:
        """A function that opens the file read-only; text that is not utf-8 is marked, not an exception."""
        import sqlite3

        if not self._url.database:
            raise data_error(
                "the URL names no file",
                self._where,
                "write sql:sqlite:///PATH?table=NAME",
                reason_code="dataset_request_invalid",
            )
        path = SourceFile("sql", self._url.database).path.absolute()

        def connect() -> sqlite3.Connection:
            opened = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, check_same_thread=False)
            opened.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            return opened

        return connect

    def _select(self, what: str, table: str) -> str:
        from sqlalchemy import inspect

        with self._refusals(), self._engine.connect() as connection:
            inspector = inspect(connection)
            schema, _, name = table.rpartition(".")
            known = sorted(
                {*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)}
            )
            if not what or name not in known:
                raise data_error(
                    f"the database has no table {table!r}"
                    if what
                    else "the locator names no query and no table",
                    self._where,
                    f"write ?table=NAME or ?query=SELECT …; its tables are: {', '.join(known) or 'none'}",
                    reason_code="dataset_source_missing",
                )
            quoted = self._engine.dialect.identifier_preparer.quote
            return f"SELECT * FROM {quoted(schema) + '.' if schema else ''}{quoted(name)}"  # noqa: S608

    def describe(self) -> SourceDescription:
        """Columns of the result; its number of rows is known only when it was read."""
        with self._result() as result:
            columns, notes = unique_names(list(result.keys()))
        return SourceDescription(
            locator=self._locator,
            format=self._url.get_backend_name(),
            columns=columns,
            notes=[*self._notes, *notes],
            origin={"query": self._statement},
        )

    def load(self) -> Iterator[SourceRow]:
        """Rows as the database sends them, in batches; dates are ISO text, exact decimals numbers.

        A second pass gives the rows of the first, whatever was written to the table in between.
        """
        return self._spool.rows()

    def _read(self, start: int) -> Iterator[SourceRow]:
        with self._result() as result:
            columns, _ = unique_names(list(result.keys()))
            for index, values in enumerate(islice(result, start, None), start):
                data = {key: plain(value) for key, value in zip(columns, values, strict=True)}
                broken = [key for key, value in data.items() if isinstance(value, str) and _marked(value)]
                if broken:
                    raw = repr(data)[:RAW_CHARS]
                    yield SourceRow(index, error=f"the text of {broken[0]!r} is not utf-8", raw=raw)
                else:
                    yield SourceRow(index, data)

    @contextmanager
    def _result(self) -> Iterator[CursorResult[Any]]:
        with self._refusals(), self._engine.connect() as connection:
            options: dict[str, Any] = {"yield_per": _BATCH, "no_parameters": True}
            if self._url.get_backend_name() == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.execution_options(**options).exec_driver_sql(self._statement) as result:
                yield result

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """What the database says, without its URL or password."""
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            yield
        except SQLAlchemyError as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            reason = " ".join(str(cause).split())[:400]
            if self._url.password:
                reason = reason.replace(str(self._url.password), "***")
            raise self._refusal(reason) from None

    def _refusal(self, said: str) -> DataError:
        return data_error(
            f"the database refused: {said}",
            self._where,
            "check address, user, password (PGPASSWORD) and query; the database's own client can try it",
            reason_code="dataset_source_unreachable",
        )


def _split(rest: str, where: str) -> tuple[str, str, str]:
    """URL, `query` or `table` or nothing, and its value."""
    match = _STATEMENT_OPTION.search(rest)
    if not match:
        return rest, "", ""
    value = match[2]
    if not any(each.isspace() for each in value):
        value = unquote_plus(value)
    if not value.strip():
        raise UsageError(
            f"the {match[1]} is empty",
            where=where,
            next_command="write ?query=SELECT …",
            reason_code="dataset_request_invalid",
        )
    return rest[: match.start()], match[1], value.strip()


def _one_reading_statement(text: str) -> str:
    bare = _QUOTED.sub(" ", text).strip().rstrip(";")
    if ";" in bare or not _READS.match(bare):
        raise UsageError(
            "the query is not one reading statement",
            where=text[:200],
            next_command="write one SELECT, WITH, VALUES or TABLE statement",
            reason_code="dataset_request_invalid",
        )
    return text.rstrip().rstrip(";")


def _marked(text: str) -> bool:
    """Whether bytes that are not utf-8 are in the text, as half surrogates."""
    if text.isascii():
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
