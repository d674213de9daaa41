"""Tool definitions and calls in the forms they come in → `{"name", "arguments", "accepted"?}`.

Known forms of a call: `{"name", "arguments"}`, OpenAI's `{"function": {"name", "arguments": JSON text}}`,
BFCL's `{name: {argument: [accepted values]}}` (an empty text among them: the argument may be left out), and
Python's `name(argument=value)`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.stages.import_.mapping.reasons import RejectRow

# BFCL writes Python's names of types; JSON Schema, and every server of tools, has its own.
_TYPES = {"dict": "object", "float": "number", "double": "number", "tuple": "array", "bool": "boolean"}
_TYPE_END = re.compile(r"[,\[]")
_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
_TYPES |= {"list": "array", "str": "string", "int": "integer", "hash": "object", "hashmap": "object"}


def read_tools(value: Any) -> list[dict[str, Any]]:
    """Definitions `{"name", "description"?, "parameters"?}` with JSON Schema types.

    Raises:
        RejectRow: `missing_tools`.
    """
    if isinstance(value, str):
        value = _parsed(value, "missing_tools")
    if isinstance(value, Mapping):
        value = value.get("tools") if isinstance(value.get("tools"), list) else [value]
    if not isinstance(value, list) or not value:
        raise RejectRow("missing_tools")
    return [_tool(each) for listed in value for each in _declarations(listed)]


def _declarations(value: Any) -> list[Any]:
    """The functions that an entry declares: Gemini lists several in one."""
    for key in ("functionDeclarations", "function_declarations"):
        if isinstance(value, Mapping) and isinstance(value.get(key), list):
            return list(value[key])
    return [value]


def _tool(value: Any) -> dict[str, Any]:
    for key in ("function", "toolSpec"):
        if isinstance(value, Mapping) and isinstance(value.get(key), Mapping):
            value = value[key]
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str) or not value["name"]:
        raise RejectRow("missing_tools", str(value)[:80])
    kept = {key: value[key] for key in ("name", "description") if value.get(key)}
    parameters = next((value[key] for key in _SCHEMA_KEYS if isinstance(value.get(key), Mapping)), None)
    if parameters is None:
        return kept
    if isinstance(parameters.get("json"), Mapping):  # Bedrock's wrapping
        parameters = parameters["json"]
    if _are_properties(parameters):
        parameters = {"type": "object", "properties": parameters}
    return {**kept, "parameters": _schema(parameters)}


def _are_properties(parameters: Mapping[str, Any]) -> bool:
    """Whether parameters stand alone, without the schema of the object that they are the properties of."""
    described = [each for each in parameters.values() if isinstance(each, Mapping) and "type" in each]
    return bool(parameters) and "properties" not in parameters and len(described) == len(parameters)


def _schema(value: Any) -> Any:
    if isinstance(value, list):
        return [_schema(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    # A table of definitions has a null wherever another one has something.
    result = {key: _schema(each) for key, each in value.items() if each is not None}
    kind = value.get("type")
    if kind == "any":
        del result["type"]
    elif isinstance(kind, str):
        plain = _TYPE_END.split(kind.lower())[0].strip()  # of `List[int]`, or `str, optional`
        result["type"] = _TYPES.get(plain, plain)
    return result


def parameter_names(tools: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Tool → its parameters in their order."""
    schemas = {tool["name"]: tool.get("parameters", {}).get("properties") for tool in tools}
    return {name: list(known) if isinstance(known, Mapping) else [] for name, known in schemas.items()}


def read_calls(
    value: Any, parameters: Mapping[str, Sequence[str]], tools: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The calls in order; an empty list means that nothing is to be called.

    Args:
        value: a list of calls, one call, or the JSON text of either.
        parameters: of the known tools, to name positional arguments by.
        tools: the known tools. Nulls in arguments that are no JSON text are kept only where a tool allows
            them: a table of calls has a null wherever another call has an argument.

    Raises:
        RejectRow: `invalid_call` or `positional_arguments`.
    """
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        value = _parsed(value, "invalid_call")
    if isinstance(value, Mapping | str):
        value = [value]
    if not isinstance(value, list):
        raise RejectRow("invalid_call", f"found {type(value).__name__}")
    schemas = {tool["name"]: tool.get("parameters") for tool in tools}
    return [_call(each, parameters, schemas) for each in value]


def _call(value: Any, parameters: Mapping[str, Sequence[str]], schemas: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(value, str):
        return _python_call(value, parameters)
    if not isinstance(value, Mapping):
        raise RejectRow("invalid_call", str(value)[:80])
    if isinstance(value.get("function"), Mapping):
        value = value["function"]
    if "name" not in value and len(value) == 1:
        name, accepted = next(iter(value.items()))
        return _accepted_call(name, accepted)
    name = value.get("name")
    arguments: Any = next((value[key] for key in _ARGUMENT_KEYS if value.get(key) is not None), {})
    if isinstance(arguments, str):
        arguments = _parsed(arguments or "{}", "invalid_call")
    elif isinstance(name, str):
        arguments = _without_nulls(arguments, schemas.get(name))
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        raise RejectRow("invalid_call", str(value)[:80])
    return {"name": name, "arguments": dict(arguments)}


def _without_nulls(value: Any, schema: Any) -> Any:
    """The value without the nulls inside its objects that its schema does not allow, or does not know of."""
    if isinstance(value, list):
        items = schema.get("items") if isinstance(schema, Mapping) else None
        return [_without_nulls(each, items) for each in value]
    if not isinstance(value, Mapping):
        return value
    known = schema.get("properties") if isinstance(schema, Mapping) else None
    known = known if isinstance(known, Mapping) else {}
    return {
        key: _without_nulls(each, known.get(key))
        for key, each in value.items()
        if each is not None or _allows_null(known.get(key))
    }


def _allows_null(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    kind = schema.get("type")
    if kind == "null" or (isinstance(kind, list) and "null" in kind) or schema.get("nullable") is True:
        return True
    enum, others = schema.get("enum"), [schema.get(key) for key in ("anyOf", "oneOf")]
    if isinstance(enum, list) and None in enum:
        return True
    return any(_allows_null(each) for several in others if isinstance(several, list) for each in several)


def _accepted_call(name: str, accepted: Any) -> dict[str, Any]:
    if isinstance(accepted, Mapping):
        accepted = {argument: values for argument, values in accepted.items() if values is not None}
    if not isinstance(accepted, Mapping) or not all(isinstance(each, list) for each in accepted.values()):
        raise RejectRow("invalid_call", f"{name}: {str(accepted)[:80]}")
    arguments = {
        argument: _settled(values[0]) for argument, values in accepted.items() if values and values[0] != ""
    }
    return {"name": name, "arguments": arguments, "accepted": dict(accepted)}


def _settled(value: Any) -> Any:
    """The first accepted value throughout: inside objects, BFCL keeps a list of values for each key."""
    if isinstance(value, list):
        return [_settled(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: _settled(each[0]) if isinstance(each, list) and each else each
        for key, each in value.items()
        if not (isinstance(each, list) and each and each[0] == "")
    }


def _python_call(text: str, parameters: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if not isinstance(node, ast.Call):
            raise RejectRow("invalid_call", text[:80])
        name = ast.unparse(node.func)
        arguments = {word.arg: ast.literal_eval(word.value) for word in node.keywords if word.arg}
        positional = [ast.literal_eval(each) for each in node.args]
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise RejectRow("invalid_call", text[:80]) from error
    names = parameters.get(name, ())
    if len(positional) > len(names):
        raise RejectRow("positional_arguments", text[:80])
    named = dict(zip(names, positional, strict=False))
    try:
        json.dumps(arguments | named, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RejectRow("invalid_call", text[:80]) from error
    return {"name": name, "arguments": named | arguments}


def _parsed(text: str, reason: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RejectRow(reason, text[:80]) from error
