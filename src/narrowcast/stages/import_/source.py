"""A source before it is imported: opened, described and introspected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from pydantic import BaseModel

from narrowcast.connectors.base import Connector, SourceAccess, SourceDescription
from narrowcast.core.row import SourceRow
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.stages.import_.introspect import IntrospectionReport, introspect

_EVERY = 1_000


class IntrospectedSource(BaseModel):
    """What was found out about a source before anything is imported."""

    source: SourceDescription
    report: IntrospectionReport


def source_access(ctx: StageContext) -> SourceAccess:
    """What sources of a project may do; what they fetch is kept beside its raw rows."""
    return SourceAccess.of(ctx.settings, ctx.project.raw / "downloads")


def introspect_source(
    connector: Connector, source: SourceDescription, limit: int | None, work: Work
) -> IntrospectedSource:
    """Introspect the first rows of an open source, all of them where `limit` is None."""
    work.progress.start("introspecting the rows")
    report = introspect(watched(islice(connector.load(), limit), work))
    work.progress.finish()
    return IntrospectedSource(source=source, report=report)


def watched(rows: Iterable[SourceRow], work: Work) -> Iterator[SourceRow]:
    """The same rows, with progress shown and cancellation honoured."""
    for number, row in enumerate(rows, start=1):
        if number % _EVERY == 0:
            work.progress.advance(_EVERY)
            work.cancel.check(reason_code="dataset_import_cancelled")
        yield row
