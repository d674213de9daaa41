"""Where data comes from: one file a source."""

from __future__ import annotations

from typing import Any

from narrowcast.connectors.base import Connector, SourceAccess
from narrowcast.core.locator import Locator
from narrowcast.core.settings import Settings
from narrowcast.plugins.registry import Registry

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
)

# Schemes whose rest is a path of the local disk.
FILE_SCHEMES = frozenset({"jsonl", "csv", "parquet", "file", "docs", "logs"})


def connect(locator: Locator, access: SourceAccess | None = None) -> Connector:
    """The connector a locator names, built on the rest of it.

    Raises:
        UsageError: for an unknown scheme or option.
        DataError: where the source can not be reached.
    """
    kind: Any = CONNECTORS.get(locator.scheme)
    built: Connector
    if not getattr(kind, "takes_access", False):
        built = kind(locator.rest)
    else:
        built = kind(locator.rest, access or SourceAccess.of(Settings.from_environment()))
    return built
