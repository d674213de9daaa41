"""`narrowcast.yaml`: what a project is, where its rows come from, how its stages are set."""

from __future__ import annotations

import sys
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from narrowcast.core.names import Split
from narrowcast.core.task import TaskSpec

MOST_ROWS = sys.maxsize
"""The largest number of rows that iterators and databases can be limited to."""


class SourceSpec(BaseModel):
    """One source of rows and how they are mapped; `narrowcast run` imports it again when either changes."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    locator: str
    """SCHEME:PATH, for example csv:train.csv or file:rows.parquet."""
    mapper: str | None = None
    """Name of the mapper; by default introspection proposes one."""
    map: dict[str, str] = Field(default_factory=dict)
    """FIELD=COLUMN: fields of the mapper, each with the column of the source it is read from."""
    explode: str | None = None
    """List column to expand: one row for each of its values."""
    derive: list[str] = Field(default_factory=list)
    """A column made of others: 'label = scenario + "_" + intent'; may be repeated."""
    where: str | None = None
    """Import only rows for which this condition is true: 'label = true'."""
    group: str | None = None
    """Column of group keys: rows with the same key stay in one split."""
    into: Split | None = None
    """Put all rows into one split, for example an official test set."""
    limit: int | None = Field(None, ge=1, le=MOST_ROWS)
    """Read at most N rows."""
    licence: str | None = None
    """Licence of the source, for the manifest and the model card."""
    consent: str | None = None
    """Why the rows may be used, such as a contract, for the manifest and the model card."""

    @property
    def field_map(self) -> dict[str, str]:
        """`map`, with the column of `group` where one is named."""
        return {**self.map, **({"group": self.group} if self.group else {})}


class ProjectConfig(BaseModel):
    """The whole file; unknown keys are errors, so that a typing mistake is never a silent default."""

    model_config = ConfigDict(extra="forbid", validate_by_name=True)

    api_version: Literal["narrowcast/v1"] = "narrowcast/v1"
    kind: Literal["Project"] = "Project"
    name: str
    task: TaskSpec | None = None
    sources: list[SourceSpec] = Field(default_factory=list)
    clean: dict[str, Any] = Field(default_factory=dict)
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
