"""Several labels a row: lists of them, texts with separators, a column of yes or no for each."""

from __future__ import annotations

from collections.abc import Iterator

from narrowcast.stages.import_.introspect.label_doubts import counted_names, rare_labels
from narrowcast.stages.import_.introspect.other_readings import counted_stem, is_noted
from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import ShapeHypothesis
from narrowcast.stages.import_.introspect.separators import LONGEST_NAME, separator_of
from narrowcast.stages.import_.introspect.signs import (
    JUDGED,
    LABEL_NAMES,
    LEAST_ROWS,
    base_name,
    clip,
    is_split_column,
    lists_of,
    text_columns,
    text_score,
    unused,
    with_split,
)
from narrowcast.stages.import_.mapping.base import getter
from narrowcast.stages.import_.mapping.flags import flag

_SETS = frozenset({
    "labels", "tags", "topics", "categories", "genres", "intents", "classes", "emotions", "keywords",
})  # fmt: skip
_OPTIONS = frozenset({"choices", "options", "endings", "candidates", "answers"})  # of a question, not labels
_FEWEST_FLAGS = 3  # columns of yes and no that are surely labels of one set
_TIED = 0.75


def label_lists(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A text beside lists of few, repeated names: several labels a row."""
    texts = text_columns(profile)
    columns = [
        column
        for column in profile.top_level()
        if base_name(column) not in _OPTIONS and _holds_names(lists_of(column))
    ]
    if not texts or not columns:
        return
    text, column = texts[0], max(columns, key=lambda each: base_name(each) in _SETS | LABEL_NAMES)
    lists = lists_of(column)
    names = [str(name) for each in lists for name in each]
    distinct = len(set(names))
    several = sum(len(each) > 1 for each in lists)
    if all(len(each) == 1 for each in lists) and 2 * distinct <= len(names):
        yield _hypothesis(
            profile,
            {"text": text.name, "label": column.name},
            0.65 + 0.2 * text_score(text) + 0.1 * (base_name(column) in _SETS | LABEL_NAMES),
            f"each list of {column.name!r} in the sample holds one name; {text.name!r} holds text",
            [f"the labels could also be {', '.join(each.name for each in columns if each is not column)}"]
            * (len(columns) > 1),
            mapper="label_to_classification",
        )
        return
    confidence = 0.6 + 0.2 * text_score(text) + 0.12 * (base_name(column) in _SETS | LABEL_NAMES)
    confidence -= 0.3 * (distinct > len(names) / 2) + 0.3 * (not several) + 0.1 * (len(columns) - 1)
    doubts = [f"the labels could also be {', '.join(each.name for each in columns if each is not column)}"]
    yield _hypothesis(
        profile,
        {"text": text.name, "labels": column.name},
        confidence,
        f"{column.name!r} lists names, {distinct} different ones in {len(lists)} rows of the "
        f"sample; {text.name!r} holds text",
        doubts[len(columns) == 1 :],
    )


def separated_labels(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A text beside texts of several names with one separator between."""
    texts = text_columns(profile)
    for column in profile.leaves():
        separator = separator_of(column)
        if not separator or not texts or column is texts[0]:
            continue
        yield _hypothesis(
            profile,
            {"text": texts[0].name, "labels": column.name, "separator": separator},
            0.88 if base_name(column) in _SETS else _TIED,
            f"{column.name!r} holds names with {separator!r} between, which are combined in several ways; "
            f"{texts[0].name!r} holds text",
            [] if base_name(column) in _SETS else ["each combination may as well be a label of its own"],
        )


def flag_columns(profile: Profile) -> list[Column]:
    """Columns of yes and no, at least three, of which none says what a row is worth."""
    columns = [
        column
        for column in profile.leaves()
        if column.distinct in (1, 2)
        and base_name(column) not in JUDGED
        and not is_split_column(column)
        and all(flag(value) is not None for value in column.values)
    ]
    varied = sum(column.distinct == 2 or column.filled < column.rows for column in columns)
    return columns if varied >= _FEWEST_FLAGS else []


def label_flags(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A text beside a column of yes or no for each label."""
    texts, columns = text_columns(profile), flag_columns(profile)
    if not texts or not columns:
        return
    readers = [getter(column.name) for column in columns]
    counts = [sum(bool(flag(read(row))) for read in readers) for row in profile.drawn]
    single = bool(counts) and all(count == 1 for count in counts)
    others = [each.name for each in texts[1:] if text_score(each) > text_score(texts[0]) - 0.1]
    doubts = [f"the text could also be {', '.join(others)}"] * bool(others)
    names = [column.name for column in columns]
    stems = {counted_stem(base_name(column)) for column in columns}
    if not single and len(stems) == 1 and None not in stems:
        doubts.append(f"{', '.join(names)} are counted: they may be several people's answers, not labels")
    noted = [column.name for column in columns if is_noted(column)]
    if noted:
        doubts.append(f"{', '.join(noted)} may be what a platform notes of a message, not labels")
    yield _hypothesis(
        profile,
        {"text": texts[0].name, "fields": "|".join(names)},
        _TIED if doubts else 0.9,
        f"{len(columns)} columns say yes or no, {'exactly one' if single else 'none to several'} of them yes "
        f"in each row drawn; {texts[0].name!r} holds text",
        doubts,
        mapper="flags_to_classification" if single else "flags_to_multi_label",
    )


def _hypothesis(
    profile: Profile,
    field_map: dict[str, str],
    confidence: float,
    rationale: str,
    doubts: list[str],
    mapper: str = "labels_to_multi_label",
) -> ShapeHypothesis:
    if profile.rows - profile.unparseable < LEAST_ROWS:
        confidence = min(confidence, 0.6)
        doubts = [*doubts, f"only {profile.rows - profile.unparseable} rows to judge by"]
    single = mapper in ("flags_to_classification", "label_to_classification")
    used = [name for role, names in field_map.items() if role != "separator" for name in names.split("|")]
    left = unused(profile, *used)
    return ShapeHypothesis(
        shape="text with a column for each label"
        if "fields" in field_map
        else "text with one label, in a list"
        if "label" in field_map
        else "text with several labels",
        mapper_id=mapper,
        task_profile="classification" if single else "multi_label",
        field_map=with_split(profile, field_map),
        confidence=round(clip(confidence), 2),
        rationale=rationale,
        warnings=doubts + _rare(profile, field_map) + [f"not used: {', '.join(left[:12])}"] * bool(left),
    )


def _rare(profile: Profile, field_map: dict[str, str]) -> list[str]:
    """A warning about labels of few rows; a column of flags counts the cells that say yes."""
    if "fields" in field_map:
        columns = [profile.columns[name] for name in field_map["fields"].split("|")]
        counts = {
            column.name.rpartition(".")[2].strip(): sum(
                rows for value, rows in column.values.items() if flag(value)
            )
            for column in columns
        }
        return rare_labels(counts)
    column = profile.columns[field_map.get("labels") or field_map["label"]]
    return rare_labels(counted_names(column, field_map.get("separator", "")))


def _holds_names(lists: list[list[object]]) -> bool:
    """Lists of short strings, one of them filled."""
    names = [name for each in lists for name in each]
    return bool(names) and all(isinstance(name, str) and len(name) <= LONGEST_NAME for name in names)
