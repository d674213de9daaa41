"""A text column and a column of few, repeated names: classification."""

from __future__ import annotations

from collections.abc import Iterator
from math import log2

from narrowcast.connectors.files import FILE_COLUMNS
from narrowcast.stages.import_.introspect.dialogues import is_rated
from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import ShapeHypothesis
from narrowcast.stages.import_.introspect.sequences import holds_spans
from narrowcast.stages.import_.introspect.signs import (
    LABEL_NAMES,
    PLAIN_LABELS,
    TEXT_NAMES,
    base_name,
    clip,
    is_split_column,
    split_column,
    text_columns,
    text_score,
    unused,
)
from narrowcast.stages.import_.mapping.base import getter

_MOST_LABELS = 1_000
_FEW_ROWS = 20
_LONGEST_NAME = 60
_LIST_NAMES = LABEL_NAMES | {
    "tags",
    "topics",
    "categories",
    "genres",
    "intents",
    "classes",
    "emotions",
    "keywords",
}
_TIED = 0.77  # where another column may as well be meant
_NEAR = 0.1  # scores of texts that differ by less are equal
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
    annotated = [f"{column.name}." for column in profile.top_level() if holds_spans(column)]
    labels = [column for column in labels if not column.name.startswith(tuple(annotated))]
    # The name of a row's file is a label only where nothing else is one.
    labels = [column for column in labels if column.name not in FILE_COLUMNS] or labels
    if is_rated(profile):
        return  # what people thought of an answer, beside the answer and its prompt
    hypotheses = [
        _hypothesis(profile, text, label, labels)
        for text in text_columns(profile)[:_MOST_HYPOTHESES]
        for label in sorted(labels, key=label_score, reverse=True)[:_MOST_HYPOTHESES]
        if text is not label
    ]
    yield from sorted(hypotheses, key=lambda each: each.confidence, reverse=True)[:_MOST_HYPOTHESES]


def _hypothesis(profile: Profile, text: Column, label: Column, labels: list[Column]) -> ShapeHypothesis:
    rows, distinct = label.filled, len(label.values)
    doubts = []
    confidence = 0.35 + 0.3 * text_score(text) + 0.3 * label_score(label)
    if base_name(text) in TEXT_NAMES and base_name(label) in LABEL_NAMES:
        confidence += 0.05
    labelled = [each for each in labels if _may_be_label(profile, label, each)]
    if labelled:
        doubts.append(f"the label could also be {', '.join(each.name for each in labelled)}")
        if all(_rank(label) > _rank(each) for each in labelled):
            confidence -= min(0.1, 0.04 * len(labelled))
        else:
            confidence = min(confidence - min(0.3, 0.12 * len(labelled)), _TIED)
    others = [each for each in text_columns(profile) if _may_be_read(text, each, label)]
    if others:
        doubts.append(f"the text could also be {', '.join(each.name for each in others)}")
        confidence = min(confidence, _TIED)
    named = [value for value, count in label.values.items() if count < 4 and _is_name(value)]
    if named and rows >= _FEW_ROWS:
        doubts.append(f"a label is called {named[0]!r}: a header may be among the rows")
        confidence = min(confidence, _TIED)
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


def _may_be_label(profile: Profile, label: Column, other: Column) -> bool:
    """Whether another column may as well be the label; the same classes under other names do not count."""
    if other is label or label_score(other) <= 0.6 * label_score(label):
        return False
    same = sorted(label.values.values()) == sorted(other.values.values())
    return not (same and _renamed(profile, label.name, other.name))


def _renamed(profile: Profile, one: str, other: str) -> bool:
    """Whether each value of one column stands beside one value of the other, in the rows drawn."""
    read, read_other = getter(one), getter(other)
    pairs = {(str(read(row)), str(read_other(row))) for row in profile.drawn}
    return len(pairs) == len({left for left, _ in pairs}) == len({right for _, right in pairs})


def _rank(column: Column) -> int:
    """How plainly a name says that a column is the label."""
    name = base_name(column)
    return (name in LABEL_NAMES) + (name in PLAIN_LABELS)


def _may_be_read(text: Column, other: Column, label: Column) -> bool:
    """Whether another column reads so much like the text that it may be meant: a raw one, a translation."""
    if other is text or other is label:
        return False
    variant = not TEXT_NAMES.isdisjoint(base_name(other).replace("-", "_").split("_"))
    return text_score(other) + 0.2 * variant > text_score(text) - _NEAR


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.strip().lower() in LABEL_NAMES


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


def label_lists(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A text beside lists of few, repeated names: several labels a row."""
    texts = text_columns(profile)
    columns = [
        column for column in profile.top_level() if column.share("list") > 0.9 and _holds_names(column)
    ]
    if not texts or not columns:
        return
    text, column = texts[0], max(columns, key=lambda each: base_name(each) in _LIST_NAMES)
    names = [str(name) for example in column.examples for name in example]
    distinct = len(set(names))
    several = sum(len(example) > 1 for example in column.examples)
    confidence = 0.6 + 0.2 * text_score(text) + 0.12 * (base_name(column) in _LIST_NAMES)
    confidence -= 0.3 * (distinct > len(names) / 2) + 0.3 * (not several) + 0.1 * (len(columns) - 1)
    doubts = [f"the labels could also be {', '.join(each.name for each in columns if each is not column)}"]
    if column.filled < _FEW_ROWS:
        confidence = min(confidence, 0.6)
        doubts.append(f"only {column.filled} rows to judge by")
    field_map = {"text": text.name, "labels": column.name}
    split = split_column(profile)
    if split is not None:
        field_map["split"] = split.name
    left = unused(profile, *field_map.values())
    yield ShapeHypothesis(
        shape="text with several labels",
        mapper_id="labels_to_multi_label",
        task_profile="multi_label",
        field_map=field_map,
        confidence=round(clip(confidence), 2),
        rationale=(
            f"{column.name!r} lists names, {distinct} different ones in {len(column.examples)} rows of the "
            f"sample; {text.name!r} holds text"
        ),
        warnings=doubts[len(columns) == 1 :] + [f"not used: {', '.join(left[:12])}"] * bool(left),
    )


def _holds_names(column: Column) -> bool:
    """Lists of short strings, one of them filled."""
    names = [name for example in column.examples if isinstance(example, list) for name in example]
    return bool(names) and all(isinstance(name, str) and len(name) <= _LONGEST_NAME for name in names)
