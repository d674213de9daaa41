"""What can be read, how it can be mapped, and what one source looks like."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import islice

from pydantic import BaseModel

from narrowcast.connectors import CONNECTORS, connect
from narrowcast.connectors.base import Connector, SourceAccess, SourceDescription
from narrowcast.core.locator import Locator
from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.core.row import SourceRow
from narrowcast.core.settings import Settings
from narrowcast.plugins import optional
from narrowcast.stages.import_.introspect import IntrospectionReport
from narrowcast.stages.import_.introspect import introspect as introspect_rows
from narrowcast.stages.import_.mapping import COMMON_ROLES, MAPPERS

_EVERY = 1_000


class SourceInfo(BaseModel):
    """One scheme of locators."""

    scheme: str
    form: str
    meaning: str
    extra: str | None
    installed: bool


class MapperInfo(BaseModel):
    """One mapper with its fields."""

    id: str
    meaning: str
    task_profile: str
    required: dict[str, str]
    optional: dict[str, str]


class IntrospectedSource(BaseModel):
    """What was found out about a source before anything is imported."""

    source: SourceDescription
    report: IntrospectionReport


def sources() -> list[SourceInfo]:
    """Every scheme, with the first line of its connector's documentation."""
    found = []
    for scheme in CONNECTORS:
        kind = CONNECTORS.get(scheme)
        form, meaning = _documented(scheme, kind)
        needs: tuple[str, ...] = getattr(kind, "needs", ())
        extras = sorted({optional.EXTRAS.get(module, module) for module in needs})
        found.append(
            SourceInfo(
                scheme=scheme,
                form=form,
                meaning=meaning,
                extra=", ".join(extras) or None,
                installed=all(find_spec(module) for module in needs),
            )
        )
    return found


def _documented(scheme: str, kind: type[Connector]) -> tuple[str, str]:
    """Form and meaning as the class or its module says them: "`FORM`: MEANING" in the first line."""
    lines = ((inspect.getdoc(each) or "").partition("\n")[0] for each in (kind, inspect.getmodule(kind)))
    for line in lines:
        form, colon, meaning = line.removeprefix("`").partition("`: ")
        if colon and form.startswith(f"{scheme}:"):
            return form, meaning
    return f"{scheme}:…", ""


def mappers() -> list[MapperInfo]:
    """Every mapper."""
    found = []
    for name in MAPPERS:
        mapper = MAPPERS.get(name)
        optional = {role.name: role.meaning for role in mapper.roles if not role.required}
        found.append(
            MapperInfo(
                id=name,
                meaning=mapper.meaning,
                task_profile=mapper.profile,
                required={role.name: role.meaning for role in mapper.roles if role.required},
                optional={**optional, **COMMON_ROLES},
            )
        )
    return found


def introspect(
    locator: str,
    *,
    limit: int | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> IntrospectedSource:
    """Read a source once and say what it seems to be; writes nothing, emits nothing.

    Raises:
        UsageError: for a wrong locator.
        DataError: where the source can not be read.
    """
    access = SourceAccess.of(settings or Settings.from_environment())
    connector = connect(Locator.parse(locator), access)
    return look_at(connector, limit, progress or NullProgress(), cancel or CancelToken())


def look_at(
    connector: Connector, limit: int | None, progress: Progress, cancel: CancelToken
) -> IntrospectedSource:
    """Describe and introspect an open source."""
    description = connector.describe()
    progress.start("looking at the rows")
    report = introspect_rows(watched(islice(connector.load(), limit), progress, cancel))
    progress.finish()
    return IntrospectedSource(source=description, report=report)


def watched(rows: Iterable[SourceRow], progress: Progress, cancel: CancelToken) -> Iterator[SourceRow]:
    """The same rows, with progress shown and a stop honoured on the way."""
    for number, row in enumerate(rows, start=1):
        if number % _EVERY == 0:
            progress.advance(_EVERY)
            cancel.check(reason_code="dataset_import_cancelled")
        yield row
