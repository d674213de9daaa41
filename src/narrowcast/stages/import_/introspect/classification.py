"""A text column and a column of few, repeated names: classification."""

from __future__ import annotations

from collections.abc import Iterator
from math import log2

from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import ShapeHypothesis
from narrowcast.stages.import_.introspect.signs import (
    LABEL_NAMES,
    TEXT_NAMES,
    base_name,
    clip,
    is_split_column,
    split_column,
    text_columns,
    text_score,
    unused,
)

_MOST_LABELS = 1_000
_FEW_ROWS = 20
_MOST_HYPOTHESES = 3  # hypotheses of this kind that are worth showing


def label_score(column: Column) -> float:
    """How much a column reads like a label: 0 (not at all) to 1."""
    distinct = column.distinct
    if distinct is None or not 2 <= distinct <= _MOST_LABELS or column.filled < 0.5 * column.rows:
        return 0.0
    repeats = column.filled / distinct
    if repeats < 2 or column.mean_length > 60 or column.dates > 0.5 * column.looked_at or column.fraction:
        return 0.0
    name_known = base_name(column) in LABEL_NAMES
    numeric = column.looks_numeric and not (name_known and distinct <= 50)
    once = sum(count == 1 for count in column.values.values()) / distinct
    score = 0.8 * clip(log2(repeats) / 4) + 0.2 * name_known - 0.4 * once - 0.5 * numeric
    # Of a number and its name in words, the words are the better label: a model can know them.
    return clip(score - 0.02 * column.looks_numeric)


def classification(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Every plausible pair of text and label, the best few."""
    labels = [
        column
        for column in profile.leaves()
        if not is_split_column(column) and label_score(column) > 0.2 and text_score(column) < 0.6
    ]
    hypotheses = [
        _hypothesis(profile, text, label, labels)
        for text in text_columns(profile)[:_MOST_HYPOTHESES]
        for label in sorted(labels, key=label_score, reverse=True)[:_MOST_HYPOTHESES]
        if text is not label
    ]
    yield from sorted(hypotheses, key=lambda each: each.confidence, reverse=True)[:_MOST_HYPOTHESES]


def _hypothesis(profile: Profile, text: Column, label: Column, labels: list[Column]) -> ShapeHypothesis:
    rows, distinct = label.filled, len(label.values)
    others = [each for each in labels if _is_alternative(label, each)]
    doubts = []
    confidence = 0.35 + 0.3 * text_score(text) + 0.3 * label_score(label)
    if base_name(text) in TEXT_NAMES and base_name(label) in LABEL_NAMES:
        confidence += 0.05
    if others:
        names = ", ".join(each.name for each in others)
        named = base_name(label) in LABEL_NAMES and not any(base_name(each) in LABEL_NAMES for each in others)
        confidence -= min(0.1, 0.04 * len(others)) if named else min(0.3, 0.12 * len(others))
        doubts.append(f"the label could also be {names}")
    numeric = [column for column in profile.leaves() if column.looks_numeric and column is not label]
    if len(numeric) > len(profile.leaves()) / 2:
        confidence -= 0.25
        doubts.append("most columns are numbers: this may be a table of measurements, not a text task")
    if rows < _FEW_ROWS:
        confidence = min(confidence, 0.6)
        doubts.append(f"only {rows} rows")
    field_map = {"text": text.name, "label": label.name}
    split = split_column(profile)
    if split is not None:
        field_map["split"] = split.name
    return ShapeHypothesis(
        shape="text with one label",
        mapper_id="label_to_classification",
        task_profile="classification",
        field_map=field_map,
        confidence=round(min(confidence, 0.98), 2),
        rationale=(
            f"{text.name!r} holds text ({text.mean_words:.0f} words on average, {text.variety:.0%} "
            f"different); {label.name!r} has {distinct} values over {rows:,} rows, each "
            f"{rows / distinct:,.0f} times on average"
        ),
        warnings=doubts + _warnings(profile, text, label, field_map),
        label_counts={str(value): count for value, count in label.values.most_common()},
    )


def _is_alternative(label: Column, other: Column) -> bool:
    """Whether another column may as well be the label; the same classes under other names do not count."""
    same = sorted(label.values.values()) == sorted(other.values.values())
    return other is not label and not same and label_score(other) > 0.6 * label_score(label)


def _warnings(profile: Profile, text: Column, label: Column, field_map: dict[str, str]) -> list[str]:
    warnings = []
    for column, name in ((text, "text"), (label, "label")):
        missing = column.rows - column.filled
        if missing:
            warnings.append(f"{missing:,} rows have no {name} and will be rejected")
    rare = [str(value) for value, count in label.values.items() if count < 5]
    if rare:
        what = "label has" if len(rare) == 1 else "labels have"
        warnings.append(f"{len(rare)} {what} fewer than 5 rows: {', '.join(rare[:5])}")
    if "split" in field_map:
        warnings.append(f"the published splits in {field_map['split']!r} are kept")
    aside = unused(profile, *field_map.values())
    if aside:
        warnings.append(f"not used: {', '.join(aside[:12])}")
    return warnings
