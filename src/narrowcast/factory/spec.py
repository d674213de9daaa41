"""The task specification of a new project: what was answered, what was assumed, and the files of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.names import AnswerKind, ScoringMode
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.factory import spec_text
from narrowcast.factory.plan import default_plan
from narrowcast.factory.prompts import GENERATE, JUDGE, LABEL
from narrowcast.store.files import read_json, write_json, write_text
from narrowcast.tasks import HANDLERS, has_labels

# What stands in for an answer that was not given.
ASSUMPTIONS = {
    "goal": "A narrow, repetitive task that a small model can learn from examples.",
    "task": "That of `narrowcast.yaml`, where the first import writes what introspection proposes.",
    "labels": "Those that occur in the imported rows.",
    "inputs": "Short English texts as users write them, one at a time.",
    "failures": "A wrong answer given with confidence; an answer in the wrong format.",
    "metrics": "The task's own: accuracy and macro-F1 for labels, exact match and F1 for fields and spans.",
    "deployment": "One machine without a GPU, as a GGUF file behind an OpenAI-compatible endpoint.",
    "latency": "Less than a second per answer, at no cost beyond the machine.",
}


class SpecAnswers(BaseModel):
    """What the user said about the task; None where nothing was said."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    goal: str | None = None
    """What the model is for, in a sentence."""
    task: str | None = None
    """Kind of task; otherwise the first import proposes it."""
    labels: list[str] = Field(default_factory=list)
    """Labels of a classification."""
    output_schema: dict[str, Any] = Field(default_factory=dict)
    """JSON Schema of the answer, for extraction."""
    instruction: str | None = None
    """System prompt of the model; None takes the task's own."""
    inputs: str | None = None
    """What comes in, and from whom."""
    failures: str | None = None
    """Mistakes that are not acceptable."""
    metrics: str | None = None
    """How success is measured."""
    deployment: str | None = None
    """Where the model will run."""
    latency: str | None = None
    """What an answer may take and cost."""

    def said(self, name: str) -> tuple[str, bool]:
        """The answer, or the assumption in its place; and whether it is one."""
        value = getattr(self, name)
        text = ", ".join(value) if isinstance(value, list) else str(value or "")
        return (text, False) if text else (ASSUMPTIONS[name], True)

    def task_spec(self) -> TaskSpec | None:
        """The task to declare; None leaves it to the first import.

        Raises:
            UsageError: for an unknown task, and where labels, schema and task contradict each other.
        """
        profile = self.task
        if profile is None and self.labels:
            profile = "classification"
        if profile is None and self.output_schema:
            profile = "structured_extraction"
        if profile is None:
            return None
        answer = HANDLERS.get(profile).answer
        if self.labels and answer is not AnswerKind.LABEL:
            raise _contradiction(f"the task {profile} has no labels", "--labels")
        if self.output_schema and answer is not AnswerKind.FIELDS:
            raise _contradiction(f"the task {profile} has no output schema", "--schema")
        twice = sorted({label for label in self.labels if self.labels.count(label) > 1})
        if twice or any(not label.strip() for label in self.labels):
            raise _contradiction(f"labels must be different and not empty: {', '.join(twice)}", "--labels")
        mode = ScoringMode.FIELD_MATCH if self.output_schema else None
        return TaskSpec(
            profile=profile,
            instruction=self.instruction or "",
            labels=self.labels,
            output_schema=self.output_schema,
            scoring_mode=mode,
        )

    def assumed(self) -> list[str]:
        """Names of what was not answered."""
        declared = self.task_spec()
        known: set[str] = set()
        if declared is not None and not has_labels(declared):
            known.add("labels")
        return [name for name in ASSUMPTIONS if name not in known and self.said(name)[1]]


def read_schema(path: Path) -> dict[str, Any]:
    """A JSON Schema of the answer.

    Raises:
        UsageError: if it is not a schema of an object with properties.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    value = read_json(path)
    try:
        Draft202012Validator.check_schema(value)
        fits = isinstance(value, dict) and bool(value.get("properties"))
    except SchemaError as error:
        raise _contradiction(f"this is not a JSON Schema: {error.message}", str(path)) from error
    if not fits:
        raise _contradiction("the schema names no properties", str(path))
    schema: dict[str, Any] = value
    return schema


def write_spec(paths: ProjectPaths, name: str, answers: SpecAnswers) -> list[str]:
    """Write every file of the specification.

    Returns:
        Their paths below the project, in order.
    """
    task = answers.task_spec()
    written: list[Path] = []

    def put(path: Path, text: str) -> None:
        write_text(path, text)
        written.append(path)

    put(paths.root / "task.md", spec_text.task_page(name, answers, task))
    put(paths.specs / "data_spec.md", spec_text.data_page(answers, task))
    if task is not None and (task.output_schema or task.labels):
        path = paths.specs / "output_schema.json"
        write_json(path, task.output_schema or {"type": "string", "enum": task.labels})
        written.append(path)
    put(paths.specs / "quality_gates.md", spec_text.GATES_PAGE)
    put(paths.specs / "eval_plan.md", spec_text.eval_page(answers))
    prompts = paths.specs / "generation_prompts"
    put(prompts / "generate.md", GENERATE)
    put(prompts / "judge.md", JUDGE)
    put(prompts / "label.md", LABEL)
    if task is not None:
        plan = default_plan(task).model_dump(mode="json", exclude_none=True)
        text = yaml.safe_dump(plan, sort_keys=False, allow_unicode=True, width=100)
        put(prompts / "plan.yaml", f"{spec_text.PLAN_HEADER}{text}")
    return [paths.relative(path) for path in written]


def _contradiction(what: str, where: str) -> UsageError:
    return UsageError(what, where=where, next_command="narrowcast init --help")
