"""A text column and a column of few, repeated names: classification."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import log2

from narrowcast.connectors.files import FILE_COLUMNS
from narrowcast.stages.import_.introspect.dialogues import is_rated
from narrowcast.stages.import_.introspect.label_doubts import (
    GUESSED,
    label_doubts,
    label_warnings,
    rare_labels,
)
from narrowcast.stages.import_.introspect.label_sets import flag_columns
from narrowcast.stages.import_.introspect.other_readings import other_readings, text_readings
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
    review_column,
    text_columns,
    text_score,
    unused,
    with_split,
)
from narrowcast.stages.import_.mapping.base import getter
from narrowcast.stages.import_.mapping.written import written

_UNNAMED = re.compile(r"column_\d+")  # of a table without a header, whose names say nothing
_MOST_LABELS = 1_000
_FEW_ROWS = 20
# Label columns that mean nothing else.
_PLAINEST = PLAIN_LABELS | {"category", "class", "intent", "sentiment", "topic"}
# Names of labels that are as often one of several attributes; beside other labels they decide nothing.
_ATTRIBUTES = frozenset({"priority", "type", "department", "domain", "scenario", "tag"})
# Two texts of which a label tells how they belong together.
_PAIRS = (
    frozenset({"premise", "hypothesis"}),
    frozenset({"query", "passage", "document"}),
    frozenset({"question", "answer", "response", "sentence", "passage"}),
    frozenset({"prompt", "completion", "response", "answer", "output"}),
    frozenset({"claim", "evidence"}),
)
_NOTHING_ELSE = 0.83  # of two columns that are called text and label
_TIED = 0.77  # where another column may as well be meant
_NEAR = 0.1  # scores of texts that differ by less are equal
_FEW_EMPTY = 0.1  # of the cells of a label column
_SAME = 0.8  # of the names of two columns that hold the same label
# Words in the name of a column of labels that someone looked at again.
_LATER = frozenset({
    "corrected", "correct", "correction", "true", "gold", "final", "clean", "cleaned", "fixed", "revised",
    "reviewed", "adjudicated", "new", "updated", "consensus", "majority",
})  # fmt: skip
_MOST_HYPOTHESES = 3  # hypotheses of this kind that are worth showing


def label_score(column: Column) -> float:
    """How much a column reads like a label: 0 (not at all) to 1."""
    distinct = column.distinct
    if distinct is None or not 2 <= distinct <= _MOST_LABELS or column.filled < 0.5 * column.rows:
        return 0.0
    if _is_written(column):
        return 0.0  # lists or objects as text
    repeats = column.filled / distinct
    if repeats < 2 or column.mean_length > 60 or column.dates > 0.5 * column.looked_at or column.fraction:
        return 0.0
    name_known = base_name(column) in LABEL_NAMES
    numeric = column.looks_numeric and not (
        (name_known or _UNNAMED.fullmatch(column.name)) and distinct <= 50
    )
    once = sum(count == 1 for count in column.values.values()) / distinct
    score = 0.8 * clip(log2(repeats) / 4) + 0.2 * name_known - 0.4 * once - 0.5 * numeric
    # A column of remarks repeats as well, but most rows have none.
    score -= clip(1 - column.filled / column.rows - _FEW_EMPTY)
    # Of a number and its name in words, the words are the better label: a model can know them.
    return clip(score - 0.02 * column.looks_numeric)


def _is_written(column: Column) -> bool:
    """Whether most values are the text of a list or an object."""
    texts = [each for each in column.values if isinstance(each, str) and each.lstrip()[:1] in ("[", "{")]
    return 2 * sum(written(each) is not each for each in texts) > len(column.values)


def classification(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Every plausible pair of text and label, the best few."""
    labels = [
        column
        for column in profile.leaves()
        if not is_split_column(column) and label_score(column) > 0.2 and text_score(column) < 0.6
    ]
    annotated = [f"{column.name}." for column in profile.top_level() if holds_spans(column)]
    labels = [column for column in labels if not column.name.startswith(tuple(annotated))]
    flags, review = flag_columns(profile), review_column(profile)
    labels = [column for column in labels if column not in flags and column is not review]
    # The name of a row's file is a label only where nothing else is one.
    labels = [column for column in labels if column.name not in FILE_COLUMNS] or labels
    if is_rated(profile):
        return  # what people thought of an answer, beside the answer and its prompt
    labels = labels or _single_class(profile)
    hypotheses = [
        _hypothesis(profile, text, label, labels)
        for text in text_columns(profile)[:_MOST_HYPOTHESES]
        for label in sorted(labels, key=label_score, reverse=True)[:_MOST_HYPOTHESES]
        if text is not label
    ]
    yield from sorted(hypotheses, key=lambda each: each.confidence, reverse=True)[:_MOST_HYPOTHESES]


def _hypothesis(profile: Profile, text: Column, label: Column, labels: list[Column]) -> ShapeHypothesis:
    rows, distinct = label.filled, len(label.values)
    doubts: list[str] = []
    confidence = 0.35 + 0.3 * text_score(text) + 0.3 * (label_score(label) if distinct > 1 else 1.0)
    plain = base_name(text) in TEXT_NAMES and base_name(label) in LABEL_NAMES
    if plain:
        confidence += 0.05
        if len(profile.leaves()) == 2:
            confidence = max(confidence, _NOTHING_ELSE)
    versions = {each.name: what for each in labels if (what := _other_version(profile, label, each))}
    labelled = [each for each in labels if _may_be_label(profile, label, each) and each.name not in versions]
    if versions:
        doubts += versions.values()
        confidence = min(confidence, _TIED)
    if labelled:
        doubts.append(f"the label could also be {', '.join(each.name for each in labelled)}")
        decided = base_name(label) not in _ATTRIBUTES
        if decided and all(_rank(label) > _rank(each) for each in labelled):
            confidence -= min(0.1, 0.04 * len(labelled))
        else:
            confidence = min(confidence - min(0.3, 0.12 * len(labelled)), _TIED)
    others = [each for each in text_columns(profile) if _may_be_read(profile, text, each, label)]
    if others:
        doubts.append(f"the text could also be {', '.join(each.name for each in others)}")
        confidence = min(confidence, _TIED)
    otherwise = [*other_readings(profile, label), *text_readings(text), *label_doubts(profile, text, label)]
    if otherwise:
        doubts += otherwise
        confidence = min(confidence, _TIED)
    numeric = [column for column in profile.leaves() if column.looks_numeric and column is not label]
    if len(numeric) > len(profile.leaves()) / 2 and not plain:
        confidence -= 0.25
        doubts.append("most columns are numbers: this may be a table of measurements, not a text task")
    if rows < _FEW_ROWS:
        confidence = min(confidence, 0.6)
        doubts.append(f"only {rows} rows")
    field_map = with_split(profile, {"text": text.name, "label": label.name})
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


def _single_class(profile: Profile) -> list[Column]:
    """Columns that are plainly the label though all rows have the same: one class of several files."""
    return [
        column
        for column in profile.leaves()
        if column.distinct == 1
        and column.rows >= _FEW_ROWS
        and base_name(column) in _PLAINEST
        and column.share("string") > 0.9
    ]


def _may_be_label(profile: Profile, label: Column, other: Column) -> bool:
    """Whether another column may as well be the label; the same classes under other names do not count."""
    if other is label or label_score(other) <= 0.6 * label_score(label):
        return False
    same = sorted(label.values.values()) == sorted(other.values.values())
    return not (same and _renamed(profile, label.name, other.name))


def _other_version(profile: Profile, label: Column, other: Column) -> str:
    """A doubt about another column of the same names that differs, such as corrected ones; or nothing."""
    names, others = set(label.values), set(other.values)
    if other is label or len(names & others) < max(2, _SAME * max(len(names), len(others))):
        return ""
    words = set(re.findall(r"[^\W_]+", base_name(other)))
    if GUESSED & words or (base_name(label) in PLAIN_LABELS and not _LATER & words):
        return ""
    read, read_other = getter(label.name), getter(other.name)
    differ = sum(read(row) != read_other(row) for row in profile.drawn)
    if not differ:
        return ""
    return (
        f"{other.name!r} holds the same labels and differs from {label.name!r} in {differ:,} of "
        f"{len(profile.drawn):,} rows drawn: it may as well be the label"
    )


def _renamed(profile: Profile, one: str, other: str) -> bool:
    """Whether each value of one column stands beside one value of the other, in the rows drawn."""
    read, read_other = getter(one), getter(other)
    pairs = {(str(read(row)), str(read_other(row))) for row in profile.drawn}
    return len(pairs) == len({left for left, _ in pairs}) == len({right for _, right in pairs})


def _rank(column: Column) -> int:
    """How plainly a name says that a column is the label."""
    name = base_name(column)
    return (name in LABEL_NAMES) + (name in PLAIN_LABELS)


def _may_be_read(profile: Profile, text: Column, other: Column, label: Column) -> bool:
    """Whether another column reads so much like the text that it may be meant: a raw one, a translation."""
    if other is text or other is label:
        return False
    if _is_other_half(profile, other):
        return True
    variant = not TEXT_NAMES.isdisjoint(base_name(other).replace("-", "_").split("_"))
    return text_score(other) + 0.2 * variant > text_score(text) - _NEAR


def _is_other_half(profile: Profile, column: Column) -> bool:
    """Whether a text has a counterpart by its name: `text_a` and `text_b`, a premise and its hypothesis."""
    name = base_name(column)
    names = {base_name(each) for each in text_columns(profile)} - {name}
    stem, last = name[:-1], name[-1:]
    numbered = (
        stem not in ("", "column_")
        and last in "ab012"
        and any(f"{stem}{other}" in names for other in "ab012" if other != last)
    )
    return numbered or any(name in pair and not names.isdisjoint(pair) for pair in _PAIRS)


def _warnings(profile: Profile, text: Column, label: Column, field_map: dict[str, str]) -> list[str]:
    warnings = []
    for column, name in ((text, "text"), (label, "label")):
        missing = column.rows - column.filled
        if missing:
            warnings.append(f"{missing:,} rows have no {name} and will be rejected")
    warnings += label_warnings(profile, text, label)
    warnings += rare_labels({str(value): count for value, count in label.values.items()})
    if "split" in field_map:
        warnings.append(f"the published splits in {field_map['split']!r} are kept")
    aside = unused(profile, *field_map.values())
    if aside:
        warnings.append(f"not used: {', '.join(aside[:12])}")
    return warnings
