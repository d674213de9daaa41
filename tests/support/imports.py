"""Imports as tests ask for them: by keyword, with the operations and results beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.ops import imports as operations
from narrowcast.ops.imports import ImportOutcome, ImportRequest, imports, remove_import
from narrowcast.ops.ledger import ledger
from narrowcast.ops.sources import IntrospectRequest, mappers, sources
from narrowcast.ops.sources import introspect as introspect_source
from narrowcast.pipeline.project import Project
from narrowcast.stages.import_.choose import MappingUncertainError
from narrowcast.stages.import_.options import ImportPreview
from narrowcast.stages.import_.source import IntrospectedSource

__all__ = [
    "ImportOutcome",
    "ImportPreview",
    "MappingUncertainError",
    "import_rows",
    "imports",
    "introspect",
    "ledger",
    "mappers",
    "remove_import",
    "sources",
]


def import_rows(
    project: Project,
    locator: str,
    *,
    field_map: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> ImportOutcome | ImportPreview:
    """`narrowcast.ops.imports.import_rows` on a request made of the keywords."""
    request = ImportRequest(locator=locator, map=dict(field_map or {}), **options)
    return operations.import_rows(project, request, Work(progress or NullProgress(), cancel or CancelToken()))


def introspect(locator: str, **options: Any) -> IntrospectedSource:
    """`narrowcast.ops.sources.introspect` on a request made of the keywords."""
    return introspect_source(Settings.from_environment(), IntrospectRequest(locator=locator, **options))
