"""Rows and examples: what is quoted to a teacher reads back as it was, for every profile."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from narrowcast.core.example import Example, Target
from narrowcast.core.names import ScoringMode
from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError, UsageError
from narrowcast.factory.prompts import load_prompt
from narrowcast.factory.shapes import row_shape
from narrowcast.tasks import handler_for

FIELDS = {"type": "object", "properties": {"total": {"type": "number"}, "due": {"type": "string"}}}
SPANS = {
    "type": "object",
    "properties": {
        "spans": {
            "type": "array",
            "items": {"type": "object", "properties": {"type": {"enum": ["who", "when"]}}},
        }
    },
}
TOOL = {"name": "remind", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}

CASES: list[tuple[TaskSpec, dict[str, Any], Target]] = [
    (TaskSpec(profile="classification", labels=["a", "b"]), {"text": "hi"}, "a"),
    (
        TaskSpec(
            profile="structured_extraction",
            output_schema=FIELDS,
            scoring_mode=ScoringMode.FIELD_MATCH,
        ),
        {"text": "93.20 due Friday"},
        {"total": 93.2, "due": None},
    ),
    (
        TaskSpec(
            profile="structured_extraction",
            output_schema=SPANS,
            scoring_mode=ScoringMode.SPAN_SET,
        ),
        {"text": "Ann calls Ann at nine"},
        {
            "spans": [
                {"type": "who", "start": 0, "end": 3, "text": "Ann"},
                {"type": "who", "start": 10, "end": 13, "text": "Ann"},
                {"type": "when", "start": 17, "end": 21, "text": "nine"},
            ]
        },
    ),
    (
        TaskSpec(profile="qa"),
        {"context": "Bern is in Switzerland", "question": "where?"},
        "Switzerland",
    ),
    (
        TaskSpec(profile="rag"),
        {"contexts": ["Bern is Swiss"], "question": "what is Bern?"},
        "Swiss",
    ),
    (TaskSpec(profile="instruction"), {"instruction": "say hi"}, "hi"),
    (TaskSpec(profile="seq2seq"), {"text": "app broke"}, "The app fails."),
    (TaskSpec(profile="chat"), {"messages": [{"role": "user", "content": "hi"}]}, "hello"),
    (
        TaskSpec(profile="tool_calling"),
        {"tools": [TOOL], "messages": [{"role": "user", "content": "remind me at nine"}]},
        {"tool_calls": [{"name": "remind", "arguments": {"at": "nine"}}]},
    ),
]


@pytest.mark.parametrize(("task", "inputs", "target"), CASES, ids=lambda each: getattr(each, "profile", ""))
def test_what_is_written_reads_back(task: TaskSpec, inputs: dict[str, Any], target: Target) -> None:
    shape = row_shape(task)
    row = shape.write(inputs, target)
    Draft202012Validator.check_schema(shape.schema)
    Draft202012Validator(shape.schema).validate(json.loads(json.dumps(row)))
    assert shape.read(row) == (inputs, target)
    assert handler_for(task).check(Example(inputs, target)) is None
    assert not Draft202012Validator(shape.schema).is_valid({**row, "extra": 1})


def test_a_span_that_is_not_in_the_text_is_refused() -> None:
    shape = row_shape(CASES[2][0])
    with pytest.raises(ValueError, match="not in the text"):
        shape.read({"text": "Ann calls", "spans": [{"type": "who", "text": "Bob"}]})


def test_a_task_without_answers_cannot_be_generated() -> None:
    with pytest.raises(UsageError, match="cannot be generated"):
        row_shape(TaskSpec(profile="unlabelled"))


def test_a_prompt_with_an_unknown_name_is_refused(tmp_path: Any) -> None:
    (tmp_path / "generate.md").write_text("Write $count rows about $topic")
    with pytest.raises(DataError, match="topic"):
        load_prompt(tmp_path, "generate")
    (tmp_path / "generate.md").write_text("It costs $5")
    with pytest.raises(DataError, match=r"\$\$"):
        load_prompt(tmp_path, "generate")
