"""How the task of an import meets the task of its project."""

from __future__ import annotations

from typing import Any

from narrowcast.core.names import ScoringMode, Split
from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.stages.import_.mapping.base import Mapper
from narrowcast.stages.import_.mapping.spans import span_types_of
from narrowcast.tasks import family_of
from narrowcast.tasks.multi_label import label_set

_MOST_NAMED = 10
_HELD_OUT = frozenset({Split.DEV, Split.TEST, Split.GOLDEN})


def closed_task(task: TaskSpec | None, into: Split | None) -> TaskSpec | None:
    """The task whose labels, types or fields an import may not extend, or None where it may.

    A set the user declared is closed. One that introspection found grows with further imports, but never
    from rows that are only to be held out: a model cannot be tested on a label that it was never shown.
    """
    if task is None or not (task.labels or task.output_schema):
        return None
    return task if task.proposed_by == "user" or into in _HELD_OUT else None


def refuse_conflict(task: TaskSpec | None, mapper: type[Mapper], mode: ScoringMode | None) -> None:
    """One project, one task.

    Raises:
        UsageError: if the mapper makes another kind of example than the project's task takes.
    """
    if task is None:
        return
    if "unlabelled" in (mapper.profile, task.profile):
        return  # rows to be labelled fit any task, and a task any rows that were only to be labelled so far
    same_mode = mode is None or task.scoring_mode is None or task.scoring_mode is mode
    if takes_rows_of(task.profile, mapper.profile) and same_mode:
        return
    theirs = task.profile + (f" ({task.scoring_mode})" if task.scoring_mode else "")
    ours = mapper.profile + (f" ({mode})" if mode else "")
    raise UsageError(
        f"the project's task is {theirs}, the mapper {mapper.id} makes {ours}",
        where="task in narrowcast.yaml",
        next_command="make another project with `narrowcast init NAME`, or name another mapper with --mapper",
        reason_code="dataset_request_invalid",
    )


def scoring_mode(mapper: type[Mapper], field_map: dict[str, str]) -> ScoringMode | None:
    """How answers of this mapping are compared; None for tasks that have one way only."""
    if mapper.id in ("bio_to_spans", "marked_to_spans") or "spans" in field_map:
        return ScoringMode.SPAN_SET
    return ScoringMode.FIELD_MATCH if mapper.id == "kv_to_structured" else None


def merged_task(task: TaskSpec | None, found: TaskSpec) -> TaskSpec:
    """The project's task with what an import adds to it; what stood there keeps its order."""
    if task is None or (task.profile == "unlabelled" and task.proposed_by == "introspection"):
        return found.model_copy(update={"proposed_by": "introspection"})
    if not takes_rows_of(task.profile, found.profile) or (task.proposed_by == "user" and _stated(task)):
        return task
    changes: dict[str, Any] = {}
    if found.labels:
        changes["labels"] = [*task.labels, *(each for each in found.labels if each not in task.labels)]
    if found.scoring_mode is not None and task.scoring_mode is None:
        changes["scoring_mode"] = found.scoring_mode
    if found.scoring_mode is ScoringMode.SPAN_SET:
        types = span_types_of(task)
        extra = [each for each in sorted(span_types_of(found)) if each not in types]
        if extra or not types:
            changes["output_schema"] = _with_types(found.output_schema, [*_ordered_types(task), *extra])
    elif found.output_schema:
        changes["output_schema"] = _merged_fields(task.output_schema, found.output_schema)
    return task.model_copy(update={**changes, "proposed_by": "introspection"}) if changes else task


def names_of(task: TaskSpec) -> list[str]:
    """Its labels, or the types of its spans."""
    return [*task.labels, *label_set(task), *sorted(span_types_of(task))]


def added_labels(task: TaskSpec | None, found: TaskSpec) -> list[str]:
    """A note on the labels or span types that a project with some gets from an import."""
    known = names_of(task) if task is not None else []
    new = [each for each in names_of(merged_task(task, found)) if each not in known]
    if not known or not new:
        return []
    more = f" and {len(new) - _MOST_NAMED:,} more" if len(new) > _MOST_NAMED else ""
    what = "span type" if span_types_of(found) else "label"
    plural = "s" if len(new) > 1 else ""
    return [f"{len(new):,} new {what}{plural}: {', '.join(new[:_MOST_NAMED])}{more}"]


def takes_rows_of(profile: str, made: str) -> bool:
    """Whether rows made for one profile fit another: the same, or the family that its handler declares."""
    return made in (profile, family_of(profile))


def _stated(task: TaskSpec) -> bool:
    return bool(task.labels or task.output_schema)


def _ordered_types(task: TaskSpec) -> list[str]:
    node: Any = task.output_schema
    for key in ("properties", "spans", "items", "properties", "type", "enum"):
        node = node.get(key, {}) if isinstance(node, dict) else {}
    return list(node)


def _with_types(schema: dict[str, Any], types: list[str]) -> dict[str, Any]:
    import copy

    result = copy.deepcopy(schema)
    result["properties"]["spans"]["items"]["properties"]["type"]["enum"] = types
    return result


def _merged_fields(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    if not old:
        return new
    properties = dict(old.get("properties", {}))
    for name, schema in new.get("properties", {}).items():
        properties[name] = _merged_field(properties[name], schema) if name in properties else schema
    return {**old, "properties": properties}


def _merged_field(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Both value sets, or both types; a choice that meets free values becomes its type."""
    if not old or not new:
        return {}
    if "items" in old and "items" in new:
        return {**old, "items": _merged_field(old["items"], new["items"])}
    if "enum" in old and "enum" in new:
        return {"enum": [*old["enum"], *(value for value in new["enum"] if value not in old["enum"])]}
    return {"type": sorted(set(_types(old)) | set(_types(new)), key=lambda kind: (kind == "null", kind))}


def _types(schema: dict[str, Any]) -> list[str]:
    if "enum" in schema:
        return ["string", "null"]
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)
