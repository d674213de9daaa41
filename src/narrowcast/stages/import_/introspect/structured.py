"""A text and an object, or a text and several columns that are read from it: structured extraction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import ShapeHypothesis
from narrowcast.stages.import_.introspect.sequences import holds_spans
from narrowcast.stages.import_.introspect.signs import (
    TEXT_NAMES,
    base_name,
    is_split_column,
    split_column,
    text_columns,
    text_score,
    unused,
)
from narrowcast.stages.import_.mapping.written import plain, written

_TARGET_NAMES = frozenset({
    "output", "target", "json", "extraction", "extracted", "entities", "slots", "fields", "label", "labels",
    "answer", "ticket", "record", "result", "structured", "expected", "response", "completion",
})  # fmt: skip
# Columns that hold another thing to learn from a text.
ANNOTATIONS = frozenset({
    "intents", "intent", "labels", "label", "tags", "categories", "topics", "entities", "slots", "spans",
})  # fmt: skip
_OFFSETS = frozenset({"span", "spans", "offset", "offsets", "start_offset", "end_offset", "startIndex"})
_PIECES = frozenset({"text", "value", "type", "label", "entity"})
_FEW_ROWS = 20


def objects(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A text column and a column of objects, or of their JSON text."""
    targets = [column for column in profile.top_level() if _holds_objects(column) and not holds_spans(column)]
    texts = [c for c in text_columns(profile) if not any(c.name.startswith(f"{t.name}.") for t in targets)]
    texts = [column for column in texts if column not in targets]
    if not targets or not texts:
        return
    target = max(targets, key=lambda column: (base_name(column) in _TARGET_NAMES, column.filled))
    text = texts[0]
    field_map = {"text": text.name, "target": target.name}
    split = split_column(profile)
    if split is not None:
        field_map["split"] = split.name
    aside = unused(profile, *field_map.values())
    confidence = 0.6 + 0.25 * text_score(text) + 0.1 * (base_name(target) in _TARGET_NAMES)
    confidence -= min(0.3, 0.04 * len(aside)) + 0.1 * (len(targets) - 1)
    if target.filled < _FEW_ROWS:
        confidence = min(confidence, 0.6)
    doubts = []
    if any(_holds_offsets(value) for value in target.examples):
        confidence = min(confidence, 0.75)
        doubts.append(f"{target.name!r} holds character offsets, which no text gives as a value")
    if all(map(_holds_shares, target.examples)):
        confidence = min(confidence, 0.75)
        doubts.append(f"{target.name!r} holds numbers from 0 to 1, which may be the probabilities of classes")
    others = [name for name in aside if base_name(profile.columns[name]) in ANNOTATIONS]
    if others:
        confidence = min(confidence, 0.75)
        doubts.append(f"what is to be learned may also be {', '.join(others)}")
    missing = target.rows - target.filled
    yield ShapeHypothesis(
        shape="text with an object to extract",
        mapper_id="kv_to_structured",
        task_profile="structured_extraction",
        field_map=field_map,
        confidence=round(max(0.0, min(confidence, 0.95)), 2),
        rationale=f"{target.name!r} holds objects in {target.filled:,} rows; {text.name!r} holds the text",
        warnings=doubts
        + [f"{missing:,} rows have no object and will be rejected"] * bool(missing)
        + [f"not used: {', '.join(aside[:12])}"] * bool(aside),
    )


def flat_fields(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A text and at least two short columns: never confident, as the same table may mean many things."""
    texts = text_columns(profile)
    if not texts or base_name(texts[0]) not in TEXT_NAMES:
        return
    text = texts[0]
    fields = [
        column.name
        for column in profile.leaves()
        if column is not text
        and column.share("string", "number", "boolean") > 0.9
        and column.mean_words < 6
        and not is_split_column(column)
        and base_name(column) not in ("id", "index", "uuid", "key")
    ]
    if len(fields) >= 2:
        yield ShapeHypothesis(
            shape="text with columns to extract",
            mapper_id="kv_to_structured",
            task_profile="structured_extraction",
            field_map={"text": text.name, "fields": "|".join(fields)},
            confidence=0.5,
            rationale=f"{text.name!r} holds text, and {len(fields)} short columns may have been read from it",
            warnings=["whether these columns can be read from the text is not checked"],
        )


def _holds_offsets(value: Any) -> bool:
    """Whether places in a text are among the values of an object."""
    if isinstance(value, Mapping):
        if {"start", "end"} <= value.keys() and not _PIECES.isdisjoint(value):
            return True
        return any(
            (key in _OFFSETS and _is_place(each)) or _holds_offsets(each) for key, each in value.items()
        )
    return isinstance(value, list) and any(_holds_offsets(each) for each in value)


def _holds_shares(value: Any) -> bool:
    """Whether an object holds nothing but numbers from 0 to 1, at least two."""
    value = plain(value)
    numbers = list(value.values()) if isinstance(value, Mapping) else []
    return len(numbers) > 1 and all(isinstance(each, int | float) and 0 <= each <= 1 for each in numbers)


def _is_place(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, int) for each in value)
    return isinstance(value, int) and not isinstance(value, bool)


def _holds_objects(column: Column) -> bool:
    if column.share("object") > 0.9:
        return True
    if column.share("string") < 0.9 or not column.examples:
        return False
    count = 0
    for example in column.examples:
        text = example.strip() if isinstance(example, str) else ""
        if not text.startswith("{"):
            return False
        count += isinstance(written(text), dict)
    return count >= 0.8 * len(column.examples)
