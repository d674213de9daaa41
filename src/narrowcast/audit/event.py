"""The event envelope: plain values only, never a type from a higher layer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.hashing import content_hash
from narrowcast.reasons import Severity, StageName


class RunEvent(BaseModel):
    """One thing that happened. `hash` covers every other field, `prev_hash` included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    seq: int
    time: str = Field(description="UTC, ISO 8601 with microseconds.")
    project: int
    run: str | None
    parent: str | None
    stage: StageName
    severity: Severity
    reason_code: str | None
    message: str
    payload: dict[str, Any]
    actor: str
    prev_hash: str
    hash: str = ""

    def digest(self) -> str:
        """What `hash` must be."""
        return content_hash(self.model_dump(mode="json", exclude={"hash"}))

    def sealed(self) -> RunEvent:
        """This event with its hash filled in."""
        return self.model_copy(update={"hash": self.digest()})
