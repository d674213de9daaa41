"""What is to be learned: profile, labels, output schema. Stored in `narrowcast.yaml` and in each manifest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from narrowcast.core.names import ScoringMode

# The registered name of a task handler (`narrowcast.tasks.HANDLERS`): a built-in or a plug-in's.
ProfileName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class TaskSpec(BaseModel):
    """The contract of the task. A handler is built from it; nothing else decides how a prompt reads."""

    model_config = ConfigDict(extra="forbid")

    profile: ProfileName
    instruction: str = Field(default="", description="System prompt; empty takes the handler's own.")
    labels: list[str] = Field(default_factory=list, description="Closed label set of a classification.")
    list_labels: Literal["auto", "always", "never"] = Field(
        default="auto", description="Whether the prompt names the labels; auto does up to twelve."
    )
    output_schema: dict[str, Any] = Field(
        default_factory=dict, description="JSON Schema of a structured answer."
    )
    scoring_mode: ScoringMode | None = Field(
        default=None, description="field_match or span_set, for extraction."
    )
    proposed_by: Literal["user", "introspection", "assumption"] = Field(
        default="user", description="Who filled this in."
    )
