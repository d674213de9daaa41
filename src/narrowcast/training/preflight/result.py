"""What preflight reports: problems with their fixes, the plan of the run, its forecast."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.ledger import StageLedger
from narrowcast.core.stage import StageResult
from narrowcast.training.preflight.finding import PreflightFinding
from narrowcast.training.preflight.forecast import Forecast


class RenderedRow(BaseModel):
    """A training row as the model sees it.

    Attributes:
        completion: from the first token with loss to the end.
        completion_tokens: tokens with loss.
    """

    id: str
    prompt: str
    completion: str
    prompt_tokens: int
    completion_tokens: int


class TrainingPlan(BaseModel):
    """What a run that could begin would do.

    Attributes:
        reasons: option to why it has its value.
        steps: optimizer steps of the whole run; 0 for a linear classifier.
        tokens: of all epochs, padding not counted; `loss_tokens` carry loss. 0 for classifiers.
        disk_bytes: what checkpoints and weights take at most.
    """

    base: str
    parameters: int
    recipe: dict[str, Any]
    reasons: dict[str, str]
    steps: int
    tokens: int
    loss_tokens: int
    longest_row: int
    dev_rows: int
    disk_bytes: int = 0
    ledger: StageLedger
    rows: list[RenderedRow] = Field(default_factory=list)


class PreflightReport(StageResult):
    """Everything that preflight found.

    Attributes:
        ok: whether the run may begin in its mode.
        mode: strict, fail-open or off.
        plan: None where base, template or rows cannot be used.
        forecast: from a few steps; None where none were tried.
    """

    ok: bool
    mode: str
    findings: list[PreflightFinding]
    plan: TrainingPlan | None = None
    forecast: Forecast | None = None
