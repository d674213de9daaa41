"""Where data comes from: one file per kind of source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from narrowcast.connectors.base import Connector, SettledLocator, SourceAccess
from narrowcast.connectors.files import SUFFIXES, FilesConnector, is_several, split_options
from narrowcast.connectors.files import listed as listed_names
from narrowcast.core.locator import Locator
from narrowcast.core.row import SourceRow
from narrowcast.core.work import Work
from narrowcast.errors import UsageError
from narrowcast.plugins.contract import class_with
from narrowcast.plugins.registry import Registry
from narrowcast.store.source_rows import hash_source_rows

CONNECTORS: Registry[type[Connector]] = Registry(
    "connector",
    {
        "jsonl": "narrowcast.connectors.jsonl:JsonlConnector",
        "csv": "narrowcast.connectors.csv_file:CsvConnector",
        "file": "narrowcast.connectors.file:FileConnector",
        "parquet": "narrowcast.connectors.parquet:ParquetConnector",
        "join": "narrowcast.connectors.join:JoinConnector",
        "docs": "narrowcast.connectors.docs:DocsConnector",
        "logs": "narrowcast.connectors.logs:LogsConnector",
        "sql": "narrowcast.connectors.sql:SqlConnector",
        "https": "narrowcast.connectors.http:HttpsConnector",
        "http": "narrowcast.connectors.http:HttpConnector",
        "s3": "narrowcast.connectors.bucket:S3Connector",
        "gs": "narrowcast.connectors.bucket:GcsConnector",
        "hf": "narrowcast.connectors.hf:HfConnector",
        "kaggle": "narrowcast.connectors.kaggle:KaggleConnector",
    },
    class_with(Connector),
)


def connect(locator: Locator, access: SourceAccess | None = None) -> Connector:
    """The connector a locator names, built on the rest of it.

    Args:
        locator: of the source.
        access: what the source may do; None: local files alone.

    Raises:
        UsageError: for an unknown scheme or option.
        DataError: if the source cannot be reached.
    """
    if locator.scheme not in CONNECTORS and Path(locator.rest.partition("?")[0]).expanduser().is_file():
        raise UsageError(
            f"no connector is called {locator.scheme!r}",
            where=f"known: {', '.join(CONNECTORS)}",
            next_command=f"write file:{locator.rest}, which finds out the format",
        )
    kind: Any = CONNECTORS.get(locator.scheme)
    built: Connector
    if is_several(locator.scheme, locator.rest):
        return FilesConnector(locator.scheme, locator.rest)
    if not getattr(kind, "takes_access", False):
        built = kind(locator.rest)
    else:
        built = kind(locator.rest, access or SourceAccess.local())
    return built


def settle(text: str, project: Path, *, listed: bool = False) -> SettledLocator:
    """Make a locator independent of the current folder; see `Connector`.

    Args:
        text: as a command or `narrowcast.yaml` gives it.
        project: the project's folder.
        listed: it is in `narrowcast.yaml`: it is recorded as it is written there, and a relative path starts
            in the project's folder, or in the current one where the project has no such file. Otherwise a
            relative path starts in the current folder and is recorded as an absolute one.

    Raises:
        UsageError: if it is not a locator, or its scheme is unknown.
    """
    locator = Locator.parse(text)
    if locator.scheme in SUFFIXES and len(names := listed_names(split_options(locator.rest)[0])) > 1:
        return _settled_list(locator, names, project, listed=listed)
    own = getattr(CONNECTORS.get(locator.scheme), "settle", None)
    if own is None:
        return SettledLocator(locator.public, locator)
    settled: SettledLocator = own(locator, project, listed)
    return settled


def content_fingerprint(scheme: str, connector: Connector, rows: Iterable[SourceRow], work: Work) -> str:
    """What changes whenever the content of a source does, or the version of the plug-in that reads it.

    Args:
        scheme: of the source's locator.
        connector: of the source.
        rows: those that are asked for, read only where the connector has no fingerprint.
        work: progress of that, and how it is stopped.
    """
    own = getattr(connector, "fingerprint", None)
    content = own() if own else ""
    if not content:
        return f"rows:{hash_source_rows(rows, work)}"
    origin = CONNECTORS.origin(scheme)
    return f"{content} read by {origin}" if origin else content


def _settled_list(locator: Locator, names: list[str], project: Path, *, listed: bool) -> SettledLocator:
    """Each of the names as a source of its own would be."""
    options = split_options(locator.rest)[1]
    parts = [settle(f"{locator.scheme}:{name}", project, listed=listed) for name in names]
    opened = Locator(locator.scheme, ",".join(part.opened.rest for part in parts) + options)
    recorded = ",".join(part.recorded.partition(":")[2] for part in parts)
    return SettledLocator(f"{locator.scheme}:{recorded}{options}", opened)
