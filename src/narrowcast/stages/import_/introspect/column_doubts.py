"""Columns that a mapping leaves unused although its targets depend on them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.connectors.files import FILE_COLUMNS
from narrowcast.core.example import Example
from narrowcast.stages.import_.introspect.doubt import DOUBTFUL, LEAST_ROWS, Doubt, Trial, as_text
from narrowcast.stages.import_.introspect.profile import Profile
from narrowcast.stages.import_.introspect.signs import base_name, unused
from narrowcast.stages.import_.mapping import MAPPERS, mapped_columns
from narrowcast.stages.import_.mapping.flags import flag

# What a label is about, as in aspect-based sentiment: one text may have several.
_SUBJECTS = frozenset({
    "aspect", "aspects", "aspect_term", "aspect_category", "opinion_target", "target_entity", "topic_term",
})  # fmt: skip
_CHOICES = frozenset({"choices", "options", "candidates", "alternatives", "answers"})
# Rows that do not count, by name.
_REMOVED = frozenset({
    "deleted", "is_deleted", "removed", "is_removed", "excluded", "is_excluded", "discarded", "is_discarded",
    "invalid", "is_invalid", "cancelled", "was_cancelled", "is_duplicate", "obsolete", "is_obsolete",
})  # fmt: skip
_SHARE = 0.05  # of the rows; fewer that contradict are noise, which `prepare` counts
_MANY = 0.2  # of the rows; more are no noise, whatever the reason
_ALMOST_ALL = 0.95
_FEWEST_CHOICES = 3
_MOST_KEYS = 50


def column_doubts(
    mapper_id: str, field_map: Mapping[str, str], profile: Profile, trial: Trial, alike: Trial
) -> list[Doubt]:
    """What unused columns say against a mapping, whoever named it.

    Args:
        mapper_id: of the mapping.
        field_map: of the mapping.
        profile: of all rows.
        trial: what it makes of rows drawn from all.
        alike: what it makes of rows with the same texts.
    """
    mapper = MAPPERS.get(mapper_id)
    left = list(unused(profile, *mapped_columns(mapper, field_map)))
    doubts = _removed(profile, left)
    if len(trial.accepted) < LEAST_ROWS:
        return doubts
    if mapper_id == "kv_to_structured":
        return [*doubts, *_votes(trial)]
    if mapper.profile == "classification":
        doubts += _choices(profile, left, trial) or _subjects(profile, left, alike)
    return doubts


def _removed(profile: Profile, left: list[str]) -> list[Doubt]:
    """A flag that some rows are deleted."""
    flags = [
        name
        for name in left
        if base_name(profile.columns[name]) in _REMOVED and len(_values(profile, name)) > 1
    ]
    return [Doubt(f"{name!r} may say which rows do not count, and is not used", DOUBTFUL) for name in flags]


def _subjects(profile: Profile, left: list[str], trial: Trial) -> list[Doubt]:
    """Texts with several labels that another column separates; or a column that is named as such a one."""
    labels: dict[str, set[str]] = defaultdict(set)
    for _, example in trial.accepted:
        labels[as_text(example.inputs)].add(as_text(example.target))
    rows = ""
    torn = [row for row in trial.accepted if len(labels[as_text(row[1].inputs)]) > 1]
    if len(torn) > _SHARE * len(trial.accepted):
        rows = f"{len(torn):,} of {len(trial.accepted):,} rows tried have a text that also has another label"
        for name in left:
            if name not in FILE_COLUMNS and _repeats(profile, name) and _decides(name, torn):
                return [Doubt(f"{rows}, and {name!r} decides which; it is not used", DOUBTFUL)]
    named = [
        Doubt(f"the label may depend on {name!r}, which is not used", DOUBTFUL)
        for name in left
        if base_name(profile.columns[name]) in _SUBJECTS and len(_values(profile, name)) > 1
    ]
    if named or len(torn) <= _MANY * len(trial.accepted):
        return named
    return [Doubt(f"{rows}: one text may have several labels, or several people labelled it", DOUBTFUL)]


def _decides(name: str, torn: Sequence[tuple[dict[str, Any], Example]]) -> bool:
    """Whether text and column together have one label."""
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for data, example in torn:
        seen[as_text(example.inputs), as_text(data.get(name))].add(as_text(example.target))
    return sum(len(each) == 1 for each in seen.values()) >= _ALMOST_ALL * len(seen)


def _choices(profile: Profile, left: list[str], trial: Trial) -> list[Doubt]:
    """Labels that are names or numbers of options, which other columns hold."""
    labels = {str(example.target).strip().casefold() for _, example in trial.accepted}
    columns = [name for name in left if _option(name) in labels]
    if len(columns) >= _FEWEST_CHOICES and len(columns) == len(labels):
        names = ", ".join(columns)
        if all(flag(value) is not None for name in columns for value in profile.columns[name].values):
            return _otherwise(columns, trial)
        return [Doubt(f"the labels name the columns {names}, whose options are not used", DOUBTFUL)]
    for name in left:
        column = profile.columns[name]
        if base_name(column) not in _CHOICES or column.share("list") < 0.9:
            continue
        longest = max((len(each) for each in column.examples if isinstance(each, list)), default=0)
        places = {str(number) for number in range(longest + 1)} | {chr(97 + each) for each in range(longest)}
        if labels <= places:
            return [Doubt(f"the labels are places in the lists of {name!r}, which are not used", DOUBTFUL)]
    return []


def _otherwise(columns: list[str], trial: Trial) -> list[Doubt]:
    """Columns of yes and no, one for each label, that say another label than the one that is used."""
    others = sum(
        any(
            bool(flag(data.get(name))) != (_option(name) == str(example.target).strip().casefold())
            for name in columns
        )
        for data, example in trial.accepted
    )
    if not others:
        return []
    rows = f"{others:,} of {len(trial.accepted):,} rows drawn"
    return [
        Doubt(f"in {rows} the columns {', '.join(columns)} say another label, and are not used", DOUBTFUL)
    ]


def _option(name: str) -> str:
    """`b` of a column `B` or `option_b`."""
    return re.sub(r"^(option|choice|answer)[ _-]?", "", name.strip().casefold())


def _votes(trial: Trial) -> list[Doubt]:
    """Objects from names to numbers, other names in each row: votes or scores of labels."""
    objects = [example.target for _, example in trial.accepted if isinstance(example.target, Mapping)]
    if len(objects) < LEAST_ROWS or not all(map(_is_counted, objects)):
        return []
    names = set().union(*objects)
    everywhere = set(objects[0]).intersection(*objects)
    if everywhere or len(names) > _MOST_KEYS:
        return []
    what = "the fields of the target are numbers under other names in each row, such as votes for labels"
    return [Doubt(what, DOUBTFUL)]


def _is_counted(target: Mapping[str, Any]) -> bool:
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in target.values())
    return bool(target) and numbers


def _repeats(profile: Profile, name: str) -> bool:
    """Whether a column has few values, unlike numbers of rows."""
    values = [as_text(data.get(name)) for data in profile.drawn]
    return len(set(values)) <= 0.5 * len(values)


def _values(profile: Profile, name: str) -> set[str]:
    return {as_text(data.get(name)) for data in profile.drawn}
