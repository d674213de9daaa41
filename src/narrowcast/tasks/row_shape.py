"""What a generated row looks like: its JSON Schema, and the way between a row and an example."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from narrowcast.core.example import Target

_TEXT = {"type": "string", "minLength": 1}
_TURN = {
    "type": "object",
    "properties": {"role": {"enum": ["system", "user", "assistant"]}, "content": _TEXT},
    "required": ["role", "content"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class RowShape:
    """How rows of one task are written.

    Attributes:
        schema: JSON Schema of a row; every field required, none else allowed, so that endpoints take it
            as a strict response format.
        read: row → inputs and target. Raises ValueError where the parts do not fit each other.
        write: inputs and target → row, for rows that are quoted.
    """

    schema: dict[str, Any]
    read: Callable[[Mapping[str, Any]], tuple[dict[str, Any], Target]]
    write: Callable[[Mapping[str, Any], Target], dict[str, Any]]


def label_rows(labels: Sequence[str]) -> RowShape:
    """A text and one of the labels; any label where none is known."""
    return field_rows({"text": _TEXT}, "label", {"enum": list(labels)} if labels else _TEXT)


def object_rows(schema: Mapping[str, Any]) -> RowShape:
    """A text and an object of this JSON Schema; fields that may be absent are null instead."""
    return field_rows({"text": _TEXT}, "output", _closed(schema))


def text_rows(*inputs: str, target: str, optional: Sequence[str] = (), answers: bool = False) -> RowShape:
    """Texts by name and a text as the answer.

    Args:
        inputs: names of the input fields.
        target: name of the answer's field.
        optional: input fields that may be empty.
        answers: targets may be `{"answers": [...]}`, of which the first is written.
    """
    fields = {name: {"type": "string"} if name in optional else _TEXT for name in inputs}
    return field_rows(fields, target, _TEXT, answers=answers)


def passage_rows() -> RowShape:
    """Passages, a question and its answer."""
    passages = {"type": "array", "items": _TEXT, "minItems": 1}
    return field_rows({"contexts": passages, "question": _TEXT}, "answer", _TEXT, answers=True)


def field_rows(
    inputs: dict[str, dict[str, Any]], target: str, wanted: dict[str, Any], *, answers: bool = False
) -> RowShape:
    """Input fields and one field for the answer, each with its JSON Schema; empty inputs are left out."""

    def read(row: Mapping[str, Any]) -> tuple[dict[str, Any], Target]:
        return {name: row[name] for name in inputs if row.get(name)}, row[target]

    def write(values: Mapping[str, Any], answer: Target) -> dict[str, Any]:
        if answers and isinstance(answer, dict):
            answer = answer["answers"][0]
        return {**{name: values.get(name, "") for name in inputs}, target: answer}

    return RowShape(_object({**inputs, target: wanted}), read, write)


def span_rows(types: Sequence[str]) -> RowShape:
    """Spans are written as texts, which a model can copy; their offsets are looked up here."""
    span = _object({"type": {"enum": list(types)}, "text": _TEXT})
    schema = _object({"text": _TEXT, "spans": {"type": "array", "items": span}})

    def read(row: Mapping[str, Any]) -> tuple[dict[str, Any], Target]:
        text, after, spans = row["text"], dict[str, int](), []
        for each in row["spans"]:
            start = text.find(each["text"], after.get(each["text"], 0))
            if start < 0:
                raise ValueError(f"the span {each['text']!r} is not in the text")
            end = after[each["text"]] = start + len(each["text"])
            spans.append({"type": each["type"], "start": start, "end": end, "text": each["text"]})
        return {"text": text}, {"spans": spans}

    def write(values: Mapping[str, Any], answer: Target) -> dict[str, Any]:
        text, spans = values["text"], answer["spans"] if isinstance(answer, dict) else []
        return {
            "text": text,
            "spans": [{"type": each["type"], "text": text[each["start"] : each["end"]]} for each in spans],
        }

    return RowShape(schema, read, write)


def conversation_rows() -> RowShape:
    """Turns, of which the assistant's last one is the answer."""
    schema = _object({"messages": {"type": "array", "items": _TURN, "minItems": 2}})

    def read(row: Mapping[str, Any]) -> tuple[dict[str, Any], Target]:
        *turns, last = row["messages"]
        if last["role"] != "assistant":
            raise ValueError("the conversation does not end with the assistant's turn")
        return {"messages": turns}, last["content"]

    def write(values: Mapping[str, Any], answer: Target) -> dict[str, Any]:
        return {"messages": [*values["messages"], {"role": "assistant", "content": answer}]}

    return RowShape(schema, read, write)


def call_rows() -> RowShape:
    """The tools a row offers, what the user wants, the calls that are right (none is an answer too)."""
    tool = {"type": "object", "properties": {"name": _TEXT, "parameters": {"type": "object"}}}
    call = _object({"name": _TEXT, "arguments": {"type": "object"}})
    schema = _object(
        {
            "tools": {"type": "array", "items": {**tool, "required": ["name", "parameters"]}, "minItems": 1},
            "request": _TEXT,
            "calls": {"type": "array", "items": call},
        }
    )

    def read(row: Mapping[str, Any]) -> tuple[dict[str, Any], Target]:
        unknown = {each["name"] for each in row["calls"]} - {each["name"] for each in row["tools"]}
        if unknown:
            raise ValueError(f"calls a tool that is not offered: {', '.join(sorted(unknown))}")
        messages = [{"role": "user", "content": row["request"]}]
        return {"tools": row["tools"], "messages": messages}, {"tool_calls": row["calls"]}

    def write(values: Mapping[str, Any], answer: Target) -> dict[str, Any]:
        request = "\n".join(str(turn["content"]) for turn in values["messages"] if turn["role"] == "user")
        calls = answer["tool_calls"] if isinstance(answer, dict) else []
        return {"tools": values.get("tools", []), "request": request, "calls": calls}

    return RowShape(schema, read, write)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An output schema as a strict one: fields that may be absent are null instead."""
    properties = {
        name: value if name in schema.get("required", []) else {"anyOf": [value, {"type": "null"}]}
        for name, value in schema.get("properties", {}).items()
    }
    return _object(properties)
