"""Where data comes from: one file a source."""

from __future__ import annotations

from narrowcast.connectors.base import Connector
from narrowcast.core.locator import Locator
from narrowcast.plugins.registry import Registry

CONNECTORS: Registry[type[Connector]] = Registry(
    "connector",
    {
        "jsonl": "narrowcast.connectors.jsonl:JsonlConnector",
        "csv": "narrowcast.connectors.csv_file:CsvConnector",
        "file": "narrowcast.connectors.file:FileConnector",
        "join": "narrowcast.connectors.join:JoinConnector",
    },
)

# Schemes whose rest is a path of the local disk.
FILE_SCHEMES = frozenset({"jsonl", "csv", "file"})


def connect(locator: Locator) -> Connector:
    """The connector a locator names, built on the rest of it."""
    return CONNECTORS.get(locator.scheme)(locator.rest)  # type: ignore[call-arg]
