"""A text and what is to be read from it → structured extraction, field by field or span by span."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.stages.import_.mapping import alike
from narrowcast.stages.import_.mapping.base import Getter, Role, getter, optional_getter
from narrowcast.stages.import_.mapping.fields import FieldStatistics
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text
from narrowcast.stages.import_.mapping.spans import SpanReader, refuse_unknown_types, span_task
from narrowcast.stages.import_.mapping.written import written


class KvToStructured:
    """The answer is an object (a column of objects or JSON text), several columns, or a list of spans."""

    id = "kv_to_structured"
    meaning = "a text and the object, columns or spans to extract from it"
    profile = "structured_extraction"
    roles = (
        Role("text", "what is read"),
        Role("target", "an object, or its JSON text", required=False),
        Role("fields", "columns that make up the object, separated by |", required=False),
        Role("spans", "a list of typed spans with character offsets", required=False),
        Role(
            "ends",
            "whether the end of a span is the place behind it (exclusive) or its last character (inclusive)",
            required=False,
            literal=True,
            words=("exclusive", "inclusive"),
        ),
        alike.ROLE,
        Role("context", "further input of the model, such as the requested slot", required=False),
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:
        if sum(role in field_map for role in ("target", "fields", "spans")) != 1:
            raise UsageError(
                "the mapper kv_to_structured needs exactly one of target, fields and spans",
                where=", ".join(f"{role}={column}" for role, column in field_map.items()),
                next_command="for example --map text=message,target=ticket",
                reason_code="dataset_request_invalid",
            )
        self._text = getter(field_map["text"])
        self._target = optional_getter(field_map, "target")
        self._spans = optional_getter(field_map, "spans")
        self._context = optional_getter(field_map, "context")
        self._fields: dict[str, Getter] = {
            column.rpartition(".")[2]: getter(column)
            for column in field_map.get("fields", "").split("|")
            if column
        }
        self._closed = closed
        self._types: set[str] = set()
        self._statistics = FieldStatistics()
        self.joining = alike.Joining(field_map)
        self._reader = SpanReader(last=field_map.get("ends") == "inclusive")

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """`{"text": ..., "context"?: ...}` and the object (nulls kept), or `{"spans": [...]}`."""
        text = require_text(self._text(data), "missing_text")
        inputs = {"text": text}
        context = self._context(data) if self._context is not None else None
        if context not in (None, "", []):
            inputs["context"] = _plain(context)
        if self._spans is not None:
            spans = self._reader.read(self._spans(data), text)
            spans = self.joining.types(spans)
            refuse_unknown_types(spans, self._closed)
            self._types.update(span["type"] for span in spans)
            return inputs, {"spans": spans}
        target = self._object(data)
        if self._closed is not None:
            unknown = sorted(set(target) - set(self._closed.output_schema.get("properties", {})))
            if unknown:
                raise RejectRow("field_not_allowed", ", ".join(unknown)[:80])
        self._statistics.add(target)
        return inputs, target

    def _object(self, data: Mapping[str, Any]) -> dict[str, Any]:
        if self._target is None:
            values = {name: read(data) for name, read in self._fields.items()}
            if all(value is None for value in values.values()):
                raise RejectRow("missing_fields")
            return {name: None if value == "" else value for name, value in values.items()}
        value = self._target(data)
        if value is None or value == "":
            raise RejectRow("missing_target")
        if isinstance(value, str):
            value = written(value)
            if isinstance(value, str):
                raise RejectRow("invalid_target", f"not JSON: {value[:60]}")
        if not isinstance(value, dict):
            raise RejectRow("invalid_target", f"found {type(value).__name__}")
        return value

    def task(self) -> TaskSpec:
        """Span types, or fields with the types and closed value sets found in all accepted rows."""
        return span_task(self._types) if self._spans is not None else self._statistics.task()

    def notes(self) -> list[str]:
        """What was found out about offsets."""
        return self._reader.notes()


def _plain(value: Any) -> str:
    """A text as it is, a list of texts separated by commas, anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
