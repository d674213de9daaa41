"""What an HTTP request asks of an operation: project, arguments of the path, request model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_origin

from fastapi import Request as HttpRequest

from narrowcast.core.request import Request
from narrowcast.errors import UsageError
from narrowcast.ops.operations import request_of
from narrowcast.server.api.route import Route

# A project is named by number or slug; a folder is for who sits at the machine.
_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
PAGE = ("limit", "after")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, understood.

    Attributes:
        project: number or slug; None where the operation has none.
        named: arguments of the path.
        request: None where the operation takes none.
    """

    project: str | None
    named: dict[str, str]
    request: Request | None

    @property
    def is_dry_run(self) -> bool:
        """Nothing is to be written."""
        return bool(getattr(self.request, "dry_run", False))


async def asked(http: HttpRequest, route: Route) -> Asked:
    """Read and validate an HTTP request.

    Raises:
        UsageError: names every mistake.
    """
    operation, path = route.operation, dict(http.path_params)
    project = path.pop("project", None)
    if project is not None and not _PROJECT.fullmatch(project):
        raise UsageError("a project is named by its number or its name", where=repr(project))
    named = {name: path.pop(name) for name in operation.named}
    given = await _body(http) if route.method in ("POST", "PATCH") else _query(http, route)
    twice = given.keys() & {**path, **route.fixed}.keys()
    if twice:
        raise UsageError(f"the path says {', '.join(sorted(twice))} already", where=route.path)
    return Asked(project, named, request_of(operation, {**given, **path, **route.fixed}))


async def _body(http: HttpRequest) -> dict[str, Any]:
    raw = await http.body()
    if not raw:
        return {}
    try:
        given = json.loads(raw)
    except ValueError as error:
        raise UsageError(f"the body is not valid JSON: {error}", where=http.url.path) from error
    if not isinstance(given, dict):
        raise UsageError("the body is not a JSON object", where=http.url.path)
    return given


def _query(http: HttpRequest, route: Route) -> dict[str, Any]:
    """The values of the query; pydantic turns text into numbers and truth values."""
    model = route.operation.load_request()
    fields: Mapping[str, Any] = model.model_fields if model else {}
    given: dict[str, Any] = {}
    for name in http.query_params:
        if route.key and name in PAGE:
            continue
        several = name in fields and get_origin(fields[name].annotation) is list
        values = http.query_params.getlist(name)
        given[name] = values if several else values[-1]
    return given
