"""Optional gate: each tool call names a known tool, its arguments fit, and the user's own tests pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from narrowcast.errors import UsageError
from narrowcast.factory.gates.base import GateContext, GateRow
from narrowcast.factory.gates.reference import load_reference

Test = Callable[[str, dict[str, Any]], object]


def tool_calls(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Check the calls of each answer against the tool definitions, then by `tool_tests`.

    Raises:
        UsageError: if the tools cannot be read.
    """
    schemas = _schemas(context)
    test: Test | None = (
        load_reference(context.options.tool_tests, "tool_tests") if context.options.tool_tests else None
    )
    rejections = {}
    for row in rows:
        why = _fault(row.output, schemas, test)
        if why:
            rejections[row.index] = why
    return rejections


def _fault(output: str, schemas: Mapping[str, Any], test: Test | None) -> str | None:
    try:
        calls = list(_calls(json.loads(output)))
    except (ValueError, RecursionError) as error:
        return f"the answer is not a tool call: {error}"
    if not calls:
        return "the answer is not a tool call"
    for name, arguments in calls:
        if name not in schemas:
            return f"there is no tool {name!r}"
        fault = next(schemas[name].iter_errors(arguments), None)
        if fault is not None:
            return f"{name}: {fault.message[:200]}"
        if test is not None:
            try:
                test(name, arguments)
            except Exception as failure:  # noqa: BLE001 - the user's test may fail in any way
                return f"{name}: {type(failure).__name__}: {failure}"
    return None


def _calls(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """`{"tool" | "name", "arguments"}`, a list of these, or `{"calls": [...]}`.

    Raises:
        ValueError: what is not of this form.
    """
    if isinstance(value, dict) and isinstance(value.get("calls"), list):
        value = value["calls"]
    for each in value if isinstance(value, list) else [value]:
        inner = each.get("function") if isinstance(each, dict) else None
        call = inner if isinstance(inner, dict) else each
        name = (call.get("name") or call.get("tool")) if isinstance(call, dict) else None
        if not name or not isinstance(name, str):
            raise ValueError("a call names no tool")
        arguments = call.get("arguments", {})
        yield name, json.loads(arguments) if isinstance(arguments, str) else arguments


def _schemas(context: GateContext) -> dict[str, Any]:
    """Tool name → validator, from definitions in OpenAI's form."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    path = (context.root / (context.options.tools or "specs/tools.json")).resolve()
    if not path.is_relative_to(context.root.resolve()):
        raise _unreadable("the file is outside the project", path)
    schemas = {}
    try:
        for tool in json.loads(path.read_text(encoding="utf-8")):
            function = tool.get("function", tool)
            schema = function.get("parameters", {"type": "object"})
            Draft202012Validator.check_schema(schema)
            schemas[function["name"]] = Draft202012Validator(schema)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, SchemaError) as error:
        raise _unreadable(str(error), path) from error
    return schemas


def _unreadable(why: str, path: Path) -> UsageError:
    return UsageError(
        f"the tool definitions cannot be read: {why}",
        where=str(path),
        next_command="--tools specs/tools.json, a JSON list of tools in OpenAI's form",
        reason_code="factory_request_invalid",
    )
