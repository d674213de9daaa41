"""The OpenAPI document, made of the routes and of the models of their operations."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from narrowcast.jobs.record import Job
from narrowcast.server.api.job_events import PATH as EVENTS_PATH
from narrowcast.server.api.paging import Page
from narrowcast.server.api.problems import Problem
from narrowcast.server.api.route import Route
from narrowcast.server.api.routes import ROUTES
from narrowcast.server.errors import PROBLEM
from narrowcast.version import __version__

_REFERENCE = "#/components/schemas/{model}"
_ERRORS = {
    "403": "The host, the origin or the token does not allow it.",
    "404": "There is no such thing.",
    "409": "The state of the project does not allow it, or another process works on it.",
    "422": "The request is wrong; every mistake is named.",
    "503": "The disk or the database refuses at the moment.",
}


@cache
def document() -> dict[str, Any]:
    """The whole document; every request model and result model is loaded for it."""
    schemas, components = _schemas()
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _described(route, schemas, components)
    paths[EVENTS_PATH] = {"get": _events()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "narrowcast", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _schemas() -> tuple[dict[Any, Any], dict[str, Any]]:
    """Schemas by operation and direction, and what they refer to; models of equal names get others."""
    inputs: list[tuple[str, Any, TypeAdapter[Any]]] = [
        ("problem", "serialization", TypeAdapter(Problem)),
        ("page", "serialization", TypeAdapter(Page)),
        ("job", "serialization", TypeAdapter(Job)),
    ]
    for operation in {route.name: route.operation for route in ROUTES}.values():
        if model := operation.load_request():
            inputs.append((operation.name, "validation", TypeAdapter(model)))
        inputs.append((operation.name, "serialization", TypeAdapter(operation.result_type())))
    found, defined = TypeAdapter.json_schemas(inputs, ref_template=_REFERENCE)
    return found, defined["$defs"]


def _described(route: Route, schemas: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    operation = route.operation
    in_path = re.findall(r"{(\w+)}", route.path)
    fields: dict[str, Any] = {}
    if operation.request:
        whole = _resolved(schemas[operation.name, "validation"], components)
        left_out = {*in_path, *route.fixed}
        fields = {name: each for name, each in whole["properties"].items() if name not in left_out}
        required = [name for name in whole.get("required", ()) if name in fields]
    described: dict[str, Any] = {
        "operationId": f"{route.name}:{route.method}:{route.path.count('/')}" if route.fixed else route.name,
        "summary": operation.summary,
        "tags": [route.name.partition(".")[0]],
        "parameters": [_parameter(name, "path", {"type": "string"}, required=True) for name in in_path],
        "responses": {**_success(route, schemas), **_failures()},
    }
    if route.method in ("POST", "PATCH"):
        if fields:
            body = {
                "type": "object",
                "properties": fields,
                "required": required,
                "additionalProperties": False,
            }
            content = {"schema": body, **({"example": dict(route.example)} if route.example else {})}
            described["requestBody"] = {"content": {"application/json": content}, "required": bool(required)}
    else:
        described["parameters"] += [
            _parameter(name, "query", each, required=name in required) for name, each in fields.items()
        ]
    if route.key:
        described["parameters"] += [
            _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50}),
            _parameter("after", "query", {"type": "string"}),
        ]
    return described


def _success(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    operation = route.operation
    result = schemas[operation.name, "serialization"]
    if route.key:
        rows = {"type": "array", "items": result["items"]}
        result = {"type": "object", "properties": {"data": rows, "next": {"type": ["string", "null"]}}}
    if not operation.is_long:
        status = "201" if route.name == "projects.create" else "200"
        return {status: _answer("The result.", result)}
    accepted = {"job": schemas["job", "serialization"], "events": {"type": "string"}}
    return {
        "202": _answer("A job; its events say how it goes.", {"type": "object", "properties": accepted}),
        "200": _answer("The answer to a dry run.", {}),
    }


def _failures() -> dict[str, Any]:
    content = {PROBLEM: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}
    return {status: {"description": text, "content": content} for status, text in _ERRORS.items()}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _events() -> dict[str, Any]:
    return {
        "operationId": "jobs.events",
        "summary": "How a job goes, as server-sent events",
        "tags": ["jobs"],
        "parameters": [_parameter("job", "path", {"type": "string"}, required=True)],
        "responses": {
            "200": {
                "description": "Events.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **_failures(),
        },
    }


def _parameter(name: str, place: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    described = {"name": name, "in": place, "schema": schema, "required": required}
    if "description" in schema:
        described["description"] = schema["description"]
    return described


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    return schema
