"""One problem, and what a run decides on several of them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from narrowcast.errors import NarrowcastError, StageError


class PreflightFinding(BaseModel):
    """A problem found before training.

    Attributes:
        blocks: it stops a strict run; otherwise it is only said.
        fix: the next command, or what to change.
    """

    reason_code: str
    blocks: bool
    what: str
    where: str = ""
    fix: str


def from_error(error: NarrowcastError) -> PreflightFinding:
    """An error that was raised while looking."""
    return PreflightFinding(
        reason_code=error.reason_code,
        blocks=True,
        what=error.what,
        where=error.where,
        fix=error.next_command or "narrowcast train --help",
    )


def as_error(blockers: Sequence[PreflightFinding]) -> StageError:
    """One problem under its own code; several as one error that names each."""
    if len(blockers) == 1:
        (only,) = blockers
        return StageError(
            only.what,
            where=only.where,
            next_command=only.fix,
            reason_code=only.reason_code,
        )
    named = "; ".join(f"[{each.reason_code}] {each.what}" for each in blockers)
    return StageError(
        f"{len(blockers)} problems block this run: {named}",
        next_command="narrowcast preflight, which shows each with its fix",
        reason_code="training_dispatch_error",
    )
