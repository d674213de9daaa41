"""Requests: what an operation can be asked for, stated once for the CLI, HTTP, forms and Python.

An operation is `f(project, Request, work) -> Result`. Attribute docstrings become command-line help and the
descriptions of the JSON schema.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Request(BaseModel):
    """Base of every request."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class StageRequest(Request):
    """Run one stage of the pipeline."""

    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the stage; they win over `narrowcast.yaml`."""
    force: bool = False
    """Run although nothing changed, and in spite of a gate that can be overridden."""
    resume: bool = False
    """Continue an interrupted run from its last checkpoint."""
    dry_run: bool = False
    """Say what would happen; write nothing and record no event."""
