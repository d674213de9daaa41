"""What can be read, how it can be mapped, and what one source looks like."""

from __future__ import annotations

import inspect
from importlib.util import find_spec

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.connectors import CONNECTORS, connect
from narrowcast.connectors.base import Connector, SourceAccess
from narrowcast.core.config import MOST_ROWS
from narrowcast.core.locator import Locator
from narrowcast.core.request import Request
from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.plugins import optional
from narrowcast.stages.import_.mapping import COMMON_ROLES, MAPPERS
from narrowcast.stages.import_.mapping.reasons import own_reasons
from narrowcast.stages.import_.source import IntrospectedSource, introspect_source


class SourceInfo(BaseModel):
    """One scheme of locators."""

    scheme: str
    form: str
    meaning: str
    extra: str | None
    installed: bool


class MapperInfo(BaseModel):
    """One mapper with its fields."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    meaning: str
    task_profile: str
    required: dict[str, str]
    optional: dict[str, str]
    reasons: dict[str, str]
    """Why it rejects rows, beside the reasons that every mapper may give."""


def sources() -> list[SourceInfo]:
    """Every scheme, with the first line of its connector's documentation."""
    entries = []
    for scheme, kind in CONNECTORS.usable():
        form, meaning = _documented(scheme, kind)
        needs: tuple[str, ...] = getattr(kind, "needs", ())
        extras = sorted({optional.EXTRAS.get(module, module) for module in needs})
        entries.append(
            SourceInfo(
                scheme=scheme,
                form=form,
                meaning=meaning,
                extra=", ".join(extras) or None,
                installed=all(find_spec(module) for module in needs),
            )
        )
    return entries


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
    entries = []
    for name, mapper in MAPPERS.usable():
        optional = {role.name: role.meaning for role in mapper.roles if not role.required}
        entries.append(
            MapperInfo(
                id=name,
                meaning=mapper.meaning,
                task_profile=mapper.profile,
                required={role.name: role.meaning for role in mapper.roles if role.required},
                optional={**optional, **COMMON_ROLES},
                reasons=dict(own_reasons(mapper)),
            )
        )
    return entries


class IntrospectRequest(Request):
    """Say what a source looks like and which mapping fits; writes nothing."""

    locator: str
    """SCHEME:PATH, for example csv:train.csv or file:rows.parquet."""
    limit: int | None = Field(None, ge=1)
    """Take at most N rows."""


def introspect(
    settings: Settings, request: IntrospectRequest, work: Work | None = None
) -> IntrospectedSource:
    """Read a source once and say what it seems to be; writes nothing, records no event.

    Args:
        settings: say what a source may do.
        request: which source.
        work: shows progress, and stops it.

    Raises:
        UsageError: for a wrong locator.
        DataError: if the source cannot be read.
    """
    connector = connect(Locator.parse(request.locator), SourceAccess.of(settings))
    limit = None if request.limit is None else min(request.limit, MOST_ROWS)
    return introspect_source(connector, connector.describe(), limit, work or Work())
