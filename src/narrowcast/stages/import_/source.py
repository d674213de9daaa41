"""A source before it is imported: opened, described and introspected."""

from __future__ import annotations

from itertools import islice

from pydantic import BaseModel

from narrowcast.connectors.base import Connector, SourceAccess, SourceDescription
from narrowcast.connectors.fill import with_filled
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work, watched
from narrowcast.stages.import_.introspect import IntrospectionReport, introspect

_TABLES = frozenset({"csv", "xlsx", "xlsm", "xls", "ods"})  # formats that have the option `fill`
CANCELLED = "dataset_import_cancelled"


class IntrospectedSource(BaseModel):
    """What was found out about a source before anything is imported."""

    source: SourceDescription
    report: IntrospectionReport

    @property
    def filled_locator(self) -> str:
        """The locator that reads merged cells as they are meant; empty where there are none, or no table."""
        if not self.report.blocks or self.source.format not in _TABLES:
            return ""
        return with_filled(self.source.locator, self.report.blocks)


def source_access(ctx: StageContext) -> SourceAccess:
    """What sources of a project may do; what they fetch is kept beside its raw rows."""
    return SourceAccess.of(ctx.settings, ctx.project.raw / "downloads")


def introspect_source(
    connector: Connector, source: SourceDescription, limit: int | None, work: Work
) -> IntrospectedSource:
    """Introspect the first rows of an open source, all of them where `limit` is None."""
    work.progress.start("introspecting the rows")
    report = introspect(watched(islice(connector.load(), limit), work, reason_code=CANCELLED))
    work.progress.finish()
    return IntrospectedSource(source=source, report=report)
