"""Spans in the forms they come in → `{"type", "text", "start", "end"}` with character offsets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from narrowcast.core.names import ScoringMode
from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.reasons import RejectRow

_TYPE_KEYS = ("type", "label", "slot", "entity", "entity_group", "tag", "category")
_START_KEYS = ("start", "startIndex", "start_offset", "start_char", "begin")
_END_KEYS = ("end", "endIndex", "end_offset", "end_char", "stop")
_NESTED_KEYS = ("valueSpan", "span", "offsets", "position")


def read_spans(value: Any, text: str) -> list[dict[str, Any]]:
    """Spans in the order of the text.

    Known forms: `{"type"|"label"|"slot": …, "start": …, "end": …, "text"?}`, the same with the offsets in
    `valueSpan: {startIndex, endIndex}` (a missing start is 0, as protobuf leaves zeros out), and
    `[start, end, type]`. None or an empty list is a text without spans.

    Raises:
        RejectRow: `invalid_span`, `span_out_of_bounds` or `span_text_mismatch`.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise RejectRow("invalid_span", f"expected a list of spans, found {type(value).__name__}")
    spans = [_span(each, text) for each in value]
    return sorted(spans, key=lambda span: (span["start"], span["end"], span["type"]))


def _span(value: Any, text: str) -> dict[str, Any]:
    if isinstance(value, list) and len(value) == 3:
        start, end, kind = value
        stated = None
    elif isinstance(value, Mapping):
        kind = _first(value, _TYPE_KEYS)
        nested = _first(value, _NESTED_KEYS)
        offsets = nested if isinstance(nested, Mapping) else value
        start, end = _first(offsets, _START_KEYS), _first(offsets, _END_KEYS)
        if start is None and "endIndex" in offsets:
            start = 0
        stated = value.get("text", value.get("value"))
    else:
        raise RejectRow("invalid_span", str(value)[:80])
    if not isinstance(kind, str) or not kind.strip() or not _integer(start) or not _integer(end):
        raise RejectRow("invalid_span", str(value)[:80])
    if not 0 <= start < end <= len(text):
        raise RejectRow("span_out_of_bounds", f"{kind} {start}–{end} of {len(text)} characters")
    actual = text[start:end]
    if isinstance(stated, str) and stated != actual:
        raise RejectRow("span_text_mismatch", f"{stated[:40]!r} stated, {actual[:40]!r} found")
    return {"type": kind, "text": actual, "start": start, "end": end}


def _first(value: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((value[key] for key in keys if value.get(key) is not None), None)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def span_task(types: Iterable[str]) -> TaskSpec:
    """The task of a source with these span types."""
    span = {
        "type": "object",
        "properties": {
            "type": {"enum": sorted(types)},
            "text": {"type": "string"},
            "start": {"type": "integer", "minimum": 0},
            "end": {"type": "integer", "minimum": 1},
        },
        "required": ["type", "text"],
        "additionalProperties": False,
    }
    return TaskSpec(
        profile="structured_extraction",
        scoring_mode=ScoringMode.SPAN_SET,
        output_schema={
            "type": "object",
            "properties": {"spans": {"type": "array", "items": span}},
            "required": ["spans"],
            "additionalProperties": False,
        },
    )


def span_types_of(task: TaskSpec) -> frozenset[str]:
    """The types a `span_set` task knows."""
    node: Any = task.output_schema
    for key in ("properties", "spans", "items", "properties", "type", "enum"):
        node = node.get(key, {}) if isinstance(node, Mapping) else {}
    return frozenset(node)


def refuse_unknown_types(spans: list[dict[str, Any]], closed: TaskSpec | None) -> None:
    """Keep a closed task closed.

    Raises:
        RejectRow: `label_not_allowed`.
    """
    if closed is None:
        return
    known = span_types_of(closed)
    for span in spans:
        if span["type"] not in known:
            raise RejectRow("label_not_allowed", span["type"])
