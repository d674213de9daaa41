"""What a generation tells: before it runs, when it is done, and to the trail."""

from __future__ import annotations

from pydantic import BaseModel, Field

from narrowcast.errors import CancelledError, NarrowcastError
from narrowcast.factory.generation import CellProgress, GenerationRecord
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName


class CostEstimate(BaseModel):
    """What a run would cost; the bound is certain, the expectation a guess."""

    calls: int
    expected_tokens: int
    expected_cost: float | None
    bound_tokens: int = Field(description="The most these calls can use; caps are held against such bounds.")
    bound_cost: float | None


class GeneratePreview(BaseModel):
    """What `--dry-run` prints; nothing was sent or written."""

    dry_run: bool = True
    generation: str
    writer: str
    cells: list[CellProgress]
    quotable: int
    held_out: int
    prompt: str = Field(description="The first prompt, as it would be sent.")
    estimate: CostEstimate | None


class GenerateOutcome(BaseModel):
    """What a generation did."""

    dry_run: bool = False
    record: GenerationRecord
    path: str


def emit_run(project: Project, record: GenerationRecord) -> None:
    """The event of a generation, and one more where its cap was reached."""
    payload = record.model_dump(mode="json", exclude={"cells", "options"})
    project.trail.emit(
        StageName.FACTORY,
        "factory_generate_run",
        f"{record.rows:,} rows by {record.writer}, {record.spending.tokens:,} tokens",
        payload=payload,
        run=record.id,
    )
    if record.stopped == "cap":
        project.trail.emit(
            StageName.FACTORY,
            "factory_cap_reached",
            f"{record.id} stopped at its cap with {record.rows:,} rows",
            payload=payload["spending"],
            run=record.id,
        )


def emit_failure(project: Project, generation: str, error: Exception) -> None:
    """The event of a generation that stopped; what was paid for is kept."""
    code = "factory_cancelled" if isinstance(error, CancelledError) else "factory_generate_failed"
    payload = error.to_dict() if isinstance(error, NarrowcastError) else {"message": repr(error)}
    project.trail.emit(StageName.FACTORY, code, str(error), payload=payload, run=generation)
