"""Training, its preview, and the list of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, Field

from narrowcast.core.ledger import StageLedger
from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.ops.project import Project
from narrowcast.ops.stages import run_stage, stage_options
from narrowcast.store.files import read_jsonl

if TYPE_CHECKING:
    from narrowcast.stages.train import Result
    from narrowcast.stages.train.material import Material
    from narrowcast.stages.train.rows import TokenRow

_SHOWN_ROWS = 3


class RenderedRow(BaseModel):
    """A training row as the model sees it; loss is on `completion` alone."""

    id: str
    prompt: str
    completion: str
    prompt_tokens: int
    completion_tokens: int


class Preview(BaseModel):
    """What training would do.

    Attributes:
        updates: optimiser steps of the whole run.
        tokens: of all epochs, padding not counted; `loss_tokens` carry loss.
        seconds: at the measured speed of `measured_on`, an earlier run with this base and method; None where
            there is none.
    """

    base: str
    parameters: int
    recipe: dict[str, Any]
    reasons: dict[str, str]
    updates: int
    tokens: int
    loss_tokens: int
    longest_row: int
    dev_rows: int
    ledger: StageLedger
    seconds: float | None = None
    measured_on: str | None = None
    rows: list[RenderedRow] = Field(default_factory=list)


def train(
    project: Project,
    overrides: dict[str, Any] | None = None,
    *,
    resume: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> Result:
    """Train, or take the result of an equal run.

    Args:
        project: with a prepared data set.
        overrides: options that win over `narrowcast.yaml`.
        resume: go on from the last checkpoint of an interrupted run.
        force: train without a baseline, and start over where a run was interrupted or finished.
        progress: where to show it.
        cancel: how to stop it; a checkpoint is written first.

    Raises:
        StageError: with one of the codes `training_*`.
        CancelledError: on request.
    """
    result = run_stage(
        project, "train", overrides, force=force, resume=resume, progress=progress, cancel=cancel
    )
    return cast("Result", result)


def preview(
    project: Project, overrides: dict[str, Any] | None = None, *, progress: Progress | None = None
) -> Preview:
    """Render the rows and fill in the recipe, without training. Emits nothing.

    Raises:
        StageError: where no row is left to train on.
    """
    from narrowcast.stages.base import StageContext
    from narrowcast.stages.train.material import gather
    from narrowcast.stages.train.options import Options

    options = cast(Options, stage_options(project, "train", overrides))
    shown = progress or NullProgress()
    material = gather(options, StageContext(project.paths, project.settings, progress=shown))
    shown.finish()
    recipe = material.recipe
    seconds, measured_on = _forecast(project, material)
    return Preview(
        base=material.base.name,
        parameters=material.base.parameters,
        recipe=recipe.model_dump(mode="json", exclude={"reasons"}),
        reasons=recipe.reasons,
        updates=material.updates,
        tokens=material.train.tokens * recipe.epochs,
        loss_tokens=material.train.loss_tokens * recipe.epochs,
        longest_row=material.train.longest,
        dev_rows=len(material.dev.rows),
        ledger=material.train.ledger("train"),
        seconds=seconds,
        measured_on=measured_on,
        rows=[_rendered(row, material.tokenizer) for row in material.train.rows[:_SHOWN_ROWS]],
    )


def runs(project: Project) -> list[dict[str, Any]]:
    """Every finished run, oldest first."""
    path = project.paths.run_index
    return list(read_jsonl(path)) if path.exists() else []


def _forecast(project: Project, material: Material) -> tuple[float | None, str | None]:
    for line in reversed(runs(project)):
        if (line["base"], line["method"]) == (material.base.name, material.recipe.method):
            tokens = material.train.tokens * material.recipe.epochs
            return round(tokens / line["tokens_per_second"], 1), str(line["run_id"])
    return None, None


def _rendered(row: TokenRow, tokenizer: Any) -> RenderedRow:
    return RenderedRow(
        id=row.example_id,
        prompt=tokenizer.decode(row.ids[: row.prompt_length]),
        completion=tokenizer.decode(row.ids[row.prompt_length :]),
        prompt_tokens=row.prompt_length,
        completion_tokens=row.completion_length,
    )
