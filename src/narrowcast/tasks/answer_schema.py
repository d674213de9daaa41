"""What an answer must look like: the output schema, read for prompts and for checking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.names import ScoringMode
from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError

_TYPE_WORDS = {"boolean": "true or false", "string": "text", "array": "list"}

# More values than this are described by their type alone.
_LIST_VALUES_UP_TO = 12


def field_names(spec: TaskSpec) -> list[str]:
    """Field names in the order of the schema.

    Raises:
        UsageError: if the schema names none.
    """
    names = list(spec.output_schema.get("properties", {}))
    if not names:
        raise UsageError(
            "an extraction task needs an output schema with properties",
            where="task.output_schema in narrowcast.yaml",
            next_command="narrowcast data introspect --locator SCHEME:PATH, which proposes one",
        )
    return names


def span_types(spec: TaskSpec) -> list[str]:
    """The closed set of span types: `properties.spans.items.properties.type.enum` of the schema.

    Raises:
        UsageError: if the schema names none.
    """
    node: Any = spec.output_schema
    for key in ("properties", "spans", "items", "properties", "type", "enum"):
        node = node.get(key, {}) if isinstance(node, Mapping) else {}
    if not node:
        raise UsageError(
            "a span_set task needs its span types",
            where="task.output_schema.properties.spans.items.properties.type.enum in narrowcast.yaml",
            next_command="narrowcast data introspect --locator SCHEME:PATH, which proposes one",
        )
    return list(node)


def answer_schema(spec: TaskSpec) -> dict[str, Any]:
    """The JSON Schema of a model's answer.

    Fields: the output schema with null allowed everywhere and nothing required, as null and absent mean
    the same. Spans: a list of texts a type.
    """
    if spec.scoring_mode is ScoringMode.SPAN_SET:
        texts = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
        return {
            "type": "object",
            "properties": dict.fromkeys(span_types(spec), texts),
            "additionalProperties": False,
        }
    properties = spec.output_schema.get("properties", {})
    return {
        **{key: value for key, value in spec.output_schema.items() if key != "required"},
        "type": "object",
        "properties": {name: {"anyOf": [{"type": "null"}, properties[name]]} for name in field_names(spec)},
        "additionalProperties": False,
    }


def describe_fields(spec: TaskSpec) -> str:
    """`priority (low|high), order_id (text), urgent (true or false)`."""
    properties = spec.output_schema["properties"]
    return ", ".join(f"{name} ({_describe(properties[name])})" for name in field_names(spec))


def _describe(schema: Mapping[str, Any]) -> str:
    for option in schema.get("anyOf", schema.get("oneOf", [])):
        if option.get("type") != "null":
            return _describe(option)
    values = [value for value in schema.get("enum", []) if value is not None]
    if 0 < len(values) <= _LIST_VALUES_UP_TO:
        return "|".join(str(value) for value in values)
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "any")
    return _TYPE_WORDS.get(kind, str(kind))
