"""Sources, introspection, imports and the row ledger."""

from __future__ import annotations

from narrowcast.ops.data.choose import MappingUncertainError
from narrowcast.ops.data.imports import imports, remove_import
from narrowcast.ops.data.ledger import ledger
from narrowcast.ops.data.rows import DryRunReport, ImportOutcome, RejectionSample, import_rows
from narrowcast.ops.data.sources import (
    IntrospectedSource,
    MapperInfo,
    SourceInfo,
    introspect,
    mappers,
    sources,
)

__all__ = [
    "DryRunReport",
    "ImportOutcome",
    "IntrospectedSource",
    "MapperInfo",
    "MappingUncertainError",
    "RejectionSample",
    "SourceInfo",
    "import_rows",
    "imports",
    "introspect",
    "ledger",
    "mappers",
    "remove_import",
    "sources",
]
