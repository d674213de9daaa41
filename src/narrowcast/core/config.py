"""`narrowcast.yaml`: what a project is, where its rows come from, how its stages are set."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from narrowcast.core.names import Split
from narrowcast.core.task import TaskSpec


class SourceSpec(BaseModel):
    """One source of rows; `narrowcast run` imports those that are not imported yet."""

    model_config = ConfigDict(extra="forbid")

    locator: str
    mapper: str | None = Field(None, description="None lets introspection propose one.")
    map: dict[str, str] = Field(
        default_factory=dict, description="Field of the mapper → column of the source."
    )
    group: str | None = Field(None, description="Column whose equal values stay in one split.")
    into: Split | None = Field(None, description="Puts all rows into one split, e.g. an official test set.")
    limit: int | None = Field(None, ge=1)
    licence: str | None = None
    consent: str | None = None


class ProjectConfig(BaseModel):
    """The whole file; unknown keys are errors, so that a typing mistake is never a silent default."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True)

    api_version: Literal["narrowcast/v1"] = "narrowcast/v1"
    kind: Literal["Project"] = "Project"
    name: str
    task: TaskSpec | None = None
    sources: list[SourceSpec] = Field(default_factory=list)
    generate: dict[str, Any] = Field(default_factory=dict)
    judge: dict[str, Any] = Field(default_factory=dict)
    gate: dict[str, Any] = Field(default_factory=dict)
    balance: dict[str, Any] = Field(default_factory=dict)
    prepare: dict[str, Any] = Field(default_factory=dict)
    baseline: dict[str, Any] = Field(default_factory=dict)
    train: dict[str, Any] = Field(default_factory=dict)
    evaluate: dict[str, Any] = Field(default_factory=dict)
    export: dict[str, Any] = Field(default_factory=dict)
    verify: dict[str, Any] = Field(default_factory=dict, validation_alias=AliasChoices("verify", "exported"))

    def stage_options(self, stage: str) -> dict[str, Any]:
        """The raw options of a stage, by its name."""
        options: dict[str, Any] = getattr(self, stage, {})
        return options
