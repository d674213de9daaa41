"""How imports shape the task of a project, and when they may not."""

import pytest

from narrowcast.core.names import ScoringMode, Split
from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.stages.import_.mapping import MAPPERS
from narrowcast.stages.import_.mapping.spans import span_task, span_types_of
from narrowcast.stages.import_.mapping.task import closed_task, merged_task, refuse_conflict, scoring_mode

FOUND = TaskSpec(profile="classification", labels=["a", "b"])


def test_the_first_import_proposes_the_task() -> None:
    assert merged_task(None, FOUND).proposed_by == "introspection"
    declared = TaskSpec(profile="classification", instruction="Say it.")
    merged = merged_task(declared, FOUND)
    assert (merged.labels, merged.instruction, merged.proposed_by) == (["a", "b"], "Say it.", "introspection")


def test_later_imports_add_labels_behind_the_known_ones() -> None:
    task = merged_task(None, FOUND)
    assert merged_task(task, FOUND.model_copy(update={"labels": ["aa", "b"]})).labels == ["a", "b", "aa"]


def test_a_declared_label_set_is_closed() -> None:
    assert closed_task(FOUND, None) is FOUND
    assert merged_task(FOUND, FOUND.model_copy(update={"labels": ["c"]})).labels == ["a", "b"]


@pytest.mark.parametrize("into", [Split.DEV, Split.TEST, Split.GOLDEN])
def test_held_out_rows_never_extend_a_proposed_set(into: Split) -> None:
    task = merged_task(None, FOUND)
    assert closed_task(task, into) is task
    assert closed_task(task, Split.TRAIN) is None
    assert closed_task(task, None) is None
    assert closed_task(None, into) is None


def test_span_types_and_fields_grow_too() -> None:
    spans = merged_task(merged_task(None, span_task(["date"])), span_task(["time", "area"]))
    assert span_types_of(spans) == {"date", "area", "time"}
    old = TaskSpec(
        profile="structured_extraction",
        scoring_mode=ScoringMode.FIELD_MATCH,
        output_schema={
            "type": "object",
            "properties": {"a": {"enum": ["x", None]}, "b": {"type": ["integer", "null"]}},
        },
        proposed_by="introspection",
    )
    new = old.model_copy(
        update={
            "output_schema": {
                "properties": {"a": {"enum": ["y", None]}, "b": {"type": ["string", "null"]}, "c": {}}
            }
        }
    )
    assert merged_task(old, new).output_schema["properties"] == {
        "a": {"enum": ["x", None, "y"]},
        "b": {"type": ["integer", "string", "null"]},
        "c": {},
    }


def test_another_kind_of_task_is_a_conflict() -> None:
    bio = MAPPERS.get("bio_to_spans")
    with pytest.raises(UsageError, match="the project's task is classification"):
        refuse_conflict(FOUND, bio, scoring_mode(bio, {}))
    fields = TaskSpec(profile="structured_extraction", scoring_mode=ScoringMode.FIELD_MATCH)
    with pytest.raises(UsageError, match="makes structured_extraction"):
        refuse_conflict(fields, bio, scoring_mode(bio, {}))
    refuse_conflict(fields, MAPPERS.get("kv_to_structured"), ScoringMode.FIELD_MATCH)
    refuse_conflict(None, bio, ScoringMode.SPAN_SET)
