"""The plan: a stage is fresh where its options, inputs and version hash to what its record holds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Generic

from narrowcast.core.hashing import content_hash
from narrowcast.core.stage import I, O, R, StageContext, StageDefinition
from narrowcast.errors import WorkspaceError
from narrowcast.store.config_file import load_config
from narrowcast.store.stage_records import StageRecord, load_record
from narrowcast.tasks import HANDLERS


@dataclass(frozen=True, slots=True)
class PlannedStage(Generic[I, O, R]):
    """One stage with its key, and why it must run (empty: it need not)."""

    definition: StageDefinition[I, O, R]
    options: O
    inputs: I
    key: str
    subject: str
    stale_because: str
    record: StageRecord | None

    @property
    def run_id(self) -> str:
        """Short content address; training runs are called `exp-…`, as events name them."""
        return run_id(self.definition, self.key)


def run_id(definition: StageDefinition[I, O, R], key: str) -> str:
    """The id of a run with this key."""
    return f"{definition.run_prefix or definition.name}-{key[:10]}"


def attempt_id(definition: StageDefinition[I, O, R], options: O) -> str:
    """The id of a run that failed before its inputs were known: by its options alone."""
    return run_id(definition, content_hash({"stage": definition.name, "options": options.attempt()}))


def plan_stage(
    definition: StageDefinition[I, O, R], options: O, inputs: I, context: StageContext
) -> PlannedStage[I, O, R]:
    """Compare the inputs of a stage, as it has just read them, with its last record."""
    subject = definition.subject(inputs, options)
    content = {
        "stage": definition.name,
        "version": definition.version,
        "options": options.identity(),
        "inputs": inputs.model_dump(mode="json"),
    }
    key = content_hash(content | _task_plugin(context))
    kept = run_id(definition, key) if definition.keep_each else ""
    record, stale = None, "its record was edited"
    with suppress(WorkspaceError):
        record = load_record(context.project, definition.name, subject, kept)
        stale = "it always runs" if definition.always_runs else _stale_because(context, key, record)
    return PlannedStage(definition, options, inputs, key, subject, stale, record)


def _task_plugin(context: StageContext) -> dict[str, str]:
    """The plug-in whose handler decides prompts and scores, with its version; nothing for built-in tasks."""
    task = load_config(context.project.config).task
    origin = HANDLERS.origin(task.profile) if task else None
    return {"task_plugin": str(origin)} if origin else {}


def _stale_because(context: StageContext, key: str, record: StageRecord | None) -> str:
    if record is None:
        return "never run"
    if record.key != key:
        return "options or inputs changed"
    missing = [name for name in record.artifacts if not (context.project.root / name).exists()]
    return f"{missing[0]} is gone" if missing else ""
