"""The plan: a stage is fresh where its options, inputs and version hash to what its record holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from narrowcast.core.hashing import content_hash
from narrowcast.stages.base import StageDefinition, StageInputs, StageOptions
from narrowcast.store.files import read_json, write_json
from narrowcast.store.workspace import ProjectPaths


class StageRecord(BaseModel):
    """`registry/stages/<name>.json`: the last finished run of a stage."""

    stage: str
    key: str
    run_id: str
    options: dict[str, Any]
    started: str
    finished: str
    code_version: str
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage with its key, and why it must run (empty: it need not)."""

    definition: StageDefinition[Any, Any, Any]
    options: StageOptions
    inputs: StageInputs
    key: str
    stale_because: str
    record: StageRecord | None

    @property
    def run_id(self) -> str:
        """Short content address; training runs are called `exp-…`, as events name them."""
        prefix = "exp" if self.definition.name == "train" else self.definition.name
        return f"{prefix}-{self.key[:10]}"


def plan_stage(
    definition: StageDefinition[Any, Any, Any], options: StageOptions, project: ProjectPaths
) -> PlannedStage:
    """Read the stage's inputs and compare with its last record."""
    inputs = definition.read_inputs(project, options)
    key = content_hash(
        {
            "stage": definition.name,
            "version": definition.version,
            "options": options.identity(),
            "inputs": inputs.model_dump(mode="json"),
        }
    )
    record = load_record(project, definition.name)
    return PlannedStage(definition, options, inputs, key, _stale_because(project, key, record), record)


def _stale_because(project: ProjectPaths, key: str, record: StageRecord | None) -> str:
    if record is None:
        return "never run"
    if record.key != key:
        return "options or inputs changed"
    missing = [name for name in record.result.get("artifacts", []) if not (project.root / name).exists()]
    return f"{missing[0]} is gone" if missing else ""


def load_record(project: ProjectPaths, name: str) -> StageRecord | None:
    """The last record of a stage; None where there is none or an older version wrote another form."""
    path = project.stage_records / f"{name}.json"
    if not path.exists():
        return None
    try:
        return StageRecord.model_validate(read_json(path))
    except ValidationError:
        return None


def save_record(project: ProjectPaths, record: StageRecord) -> None:
    """Keep the record of a finished stage."""
    write_json(project.stage_records / f"{record.stage}.json", record.model_dump(mode="json"))
