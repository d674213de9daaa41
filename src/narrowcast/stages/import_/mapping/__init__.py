"""Rows of a source → examples of a task, each row accepted or rejected by name."""

from __future__ import annotations

from collections.abc import Mapping

from narrowcast.errors import UsageError
from narrowcast.plugins.contract import class_with
from narrowcast.plugins.registry import Registry
from narrowcast.stages.import_.mapping.base import Mapper, Role
from narrowcast.stages.import_.mapping.reasons import REJECTIONS, check_own_reasons, own_reasons

MAPPERS: Registry[type[Mapper]] = Registry(
    "mapper",
    {
        name: f"narrowcast.stages.import_.mapping.{name}:{''.join(part.title() for part in name.split('_'))}"
        for name in (
            "label_to_classification",
            "labels_to_multi_label",
            "flags_to_multi_label",
            "flags_to_classification",
            "kv_to_structured",
            "bio_to_spans",
            "marked_to_spans",
            "qa_pair_passthrough",
            "instruction_passthrough",
            "chat_messages_passthrough",
            "rows_to_chat",
            "rag_passthrough",
            "text_pair",
            "tool_calls_passthrough",
            "preference_pair",
            "rated_to_preference",
            "text_only",
        )
    },
    lambda found: class_with(Mapper)(found) or check_own_reasons(found),
)

# Beside a mapper's own roles, every field map may name these.
COMMON_ROLES = {
    "group": "column of group keys: rows with the same key stay in one split",
    "split": "column that names the split of each row (train, dev, test)",
    "rating": "column that says whether an answer is good; rows with a bad one are rejected",
}


def rejection_reasons(mapper: str | None = None) -> dict[str, str]:
    """Why rows are rejected, each reason with its meaning.

    Args:
        mapper: with what this one adds; where None, with what any adds that can be used.
    """
    reasons = dict(REJECTIONS)
    for each in [MAPPERS.get(mapper)] if mapper else [kind for _, kind in MAPPERS.usable()]:
        reasons |= own_reasons(each)
    return reasons


def check_field_map(mapper: type[Mapper], field_map: Mapping[str, str], columns: list[str]) -> None:
    """Check roles and columns before any row is read.

    Raises:
        UsageError: names what is wrong and lists what is known.
    """
    roles = {role.name: role for role in mapper.roles}
    unknown = [name for name in field_map if name not in roles and name not in COMMON_ROLES]
    missing = [role.name for role in mapper.roles if role.required and role.name not in field_map]
    if unknown or missing:
        what = [f"it has no field {name!r}" for name in unknown]
        what += [f"its field {name!r} has no column" for name in missing]
        raise UsageError(
            f"wrong field map for {mapper.id}: {'; '.join(what)}",
            where=f"fields: {', '.join([*roles, *COMMON_ROLES])}; columns: {', '.join(columns)}",
            next_command=f"--map {','.join(f'{role.name}=COLUMN' for role in mapper.roles if role.required)}",
            reason_code="dataset_request_invalid",
        )
    _refuse_unknown_words(mapper, field_map)
    _refuse_shared(mapper, field_map)
    absent = [column for column in mapped_columns(mapper, field_map) if column not in columns]
    if absent:
        raise UsageError(
            f"the source has no column {', '.join(repr(column) for column in absent)}",
            where=f"columns: {', '.join(columns)}",
            next_command="name one of these columns with --map FIELD=COLUMN",
            reason_code="dataset_request_invalid",
        )


def _refuse_unknown_words(mapper: type[Mapper], field_map: Mapping[str, str]) -> None:
    for role in mapper.roles:
        word = field_map.get(role.name)
        if role.words and word is not None and word not in role.words:
            raise UsageError(
                f"{role.name} cannot be {word!r}",
                where=f"fields of {mapper.id}",
                next_command=f"--map {role.name}={role.words[0]}; known: {', '.join(role.words)}",
                reason_code="dataset_request_invalid",
            )


def _refuse_shared(mapper: type[Mapper], field_map: Mapping[str, str]) -> None:
    """A column in two roles would hold its own answer."""
    taken: dict[str, Role] = {}
    for role in mapper.roles:
        column = field_map.get(role.name)
        for each in column.split("|") if column and role.name == "fields" else [column]:
            first = taken.get(each) if each and not role.literal else None
            if first is not None and role.name not in first.shares and first.name not in role.shares:
                raise UsageError(
                    f"the column {each!r} is both {first.name} and {role.name}",
                    where=f"fields of {mapper.id}",
                    next_command=f"name another column with --map {role.name}=COLUMN",
                    reason_code="dataset_request_invalid",
                )
            if each and not role.literal:
                taken.setdefault(each, role)


def mapped_columns(mapper: type[Mapper], field_map: Mapping[str, str]) -> list[str]:
    """Every column a field map reads; `fields` may hold several, separated by a vertical bar."""
    columns = []
    literal = {role.name for role in mapper.roles if role.literal}
    for role, column in field_map.items():
        if role in literal:
            continue
        columns.extend(column.split("|") if role == "fields" else [column])
    return [column for column in columns if column]
