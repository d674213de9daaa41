"""What a generated row looks like, a profile: its JSON Schema, and the way between a row and an example."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from narrowcast.core.example import Target
from narrowcast.core.names import ScoringMode, TaskProfile
from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.tasks.answer_schema import span_types

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


def row_shape(task: TaskSpec) -> RowShape:
    """The shape of the task's rows.

    Raises:
        UsageError: for a profile that rows can not be generated for yet.
    """
    if task.profile is TaskProfile.CLASSIFICATION:
        label = {"enum": list(task.labels)} if task.labels else _TEXT
        return _pairs({"text": _TEXT}, "label", label)
    if task.profile is TaskProfile.STRUCTURED_EXTRACTION:
        if task.scoring_mode is ScoringMode.SPAN_SET:
            return _spans(task)
        return _pairs({"text": _TEXT}, "output", _closed(task.output_schema))
    if task.profile is TaskProfile.RAG:
        passages = {"type": "array", "items": _TEXT, "minItems": 1}
        return _pairs({"contexts": passages, "question": _TEXT}, "answer", _TEXT, answers=True)
    if task.profile is TaskProfile.QA:
        return _pairs({"context": _TEXT, "question": _TEXT}, "answer", _TEXT, answers=True)
    if task.profile is TaskProfile.INSTRUCTION:
        return _pairs({"instruction": _TEXT, "input": {"type": "string"}}, "output", _TEXT)
    if task.profile is TaskProfile.SEQ2SEQ:
        return _pairs({"text": _TEXT}, "output", _TEXT)
    if task.profile is TaskProfile.CHAT:
        return _conversations()
    if task.profile is TaskProfile.TOOL_CALLING:
        return _tool_calls()
    raise UsageError(
        f"rows of a {task.profile} task can not be generated yet",
        where="task.profile in narrowcast.yaml",
        next_command="write the rows by hand and import them: narrowcast data import",
        reason_code="factory_request_invalid",
    )


def _pairs(
    inputs: dict[str, dict[str, Any]], target: str, wanted: dict[str, Any], *, answers: bool = False
) -> RowShape:
    """Input fields and one field for the answer; empty input fields are left out of the example."""

    def read(row: Mapping[str, Any]) -> tuple[dict[str, Any], Target]:
        return {name: row[name] for name in inputs if row.get(name)}, row[target]

    def write(values: Mapping[str, Any], answer: Target) -> dict[str, Any]:
        if answers and isinstance(answer, dict):
            answer = answer["answers"][0]
        return {**{name: values.get(name, "") for name in inputs}, target: answer}

    return RowShape(_object({**inputs, target: wanted}), read, write)


def _spans(task: TaskSpec) -> RowShape:
    """Spans are written as texts, which a model can copy; their offsets are looked up here."""
    span = _object({"type": {"enum": span_types(task)}, "text": _TEXT})
    schema = _object({"text": _TEXT, "spans": {"type": "array", "items": span}})

    def read(row: Mapping[str, Any]) -> tuple[dict[str, Any], Target]:
        text, after, found = row["text"], dict[str, int](), []
        for each in row["spans"]:
            start = text.find(each["text"], after.get(each["text"], 0))
            if start < 0:
                raise ValueError(f"the span {each['text']!r} is not in the text")
            end = after[each["text"]] = start + len(each["text"])
            found.append({"type": each["type"], "start": start, "end": end, "text": each["text"]})
        return {"text": text}, {"spans": found}

    def write(values: Mapping[str, Any], answer: Target) -> dict[str, Any]:
        text, spans = values["text"], answer["spans"] if isinstance(answer, dict) else []
        return {
            "text": text,
            "spans": [{"type": each["type"], "text": text[each["start"] : each["end"]]} for each in spans],
        }

    return RowShape(schema, read, write)


def _conversations() -> RowShape:
    schema = _object({"messages": {"type": "array", "items": _TURN, "minItems": 2}})

    def read(row: Mapping[str, Any]) -> tuple[dict[str, Any], Target]:
        *turns, last = row["messages"]
        if last["role"] != "assistant":
            raise ValueError("the conversation does not end with the assistant's turn")
        return {"messages": turns}, last["content"]

    def write(values: Mapping[str, Any], answer: Target) -> dict[str, Any]:
        return {"messages": [*values["messages"], {"role": "assistant", "content": answer}]}

    return RowShape(schema, read, write)


def _tool_calls() -> RowShape:
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
