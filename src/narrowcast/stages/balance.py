"""A cap or a target of train rows per label. What is left out is kept and counted.

The choice is in `registry/balance.json` alone. No row is moved: `prepare` reads the file, leaves these rows
out of train after the split and keeps them among its rejects, so held-out rows stay as they are.
"""

from __future__ import annotations

from pydantic import ConfigDict, Field

from narrowcast.core.concerns import ROWS
from narrowcast.core.example import Example
from narrowcast.core.hashing import content_hash
from narrowcast.core.names import Split
from narrowcast.core.stage import StageContext, StageDefinition, StageInputs, StageResult
from narrowcast.errors import UsageError
from narrowcast.factory.balance import LabelBalance, choose_left_out
from narrowcast.factory.options import BalanceOptions
from narrowcast.reasons import StageName
from narrowcast.store.balance import LeftOut, balance_path, write_left_out
from narrowcast.store.datasets import load_manifest, read_split, rejections
from narrowcast.tasks import has_labels


class BalanceInputs(StageInputs):
    """The train rows, with those that an earlier balancing left out: balancing twice is balancing once."""

    rows_sha256: str


class BalanceResult(StageResult):
    """The choice, label by label."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    dry_run: bool = False
    undone: bool = False
    """The choice was taken back; `rows` may come back with the next prepare."""
    labels: list[LabelBalance] = Field(default_factory=list)
    rows: int = 0
    kept: int = 0
    left_out: int = 0


def read_inputs(options: BalanceOptions, ctx: StageContext) -> BalanceInputs:  # noqa: ARG001 - the form of a stage
    """The rows to choose from.

    Raises:
        UsageError: if the task has no labels.
        DataError: if no data set was prepared.
    """
    rows = sorted([row.id, row.hash, row.provenance.value] for row in _train_rows(ctx))
    return BalanceInputs(rows_sha256=content_hash(rows))


def run(inputs: BalanceInputs, options: BalanceOptions, ctx: StageContext) -> BalanceResult:  # noqa: ARG001
    """Write which rows prepare is to leave out."""
    result, ids = _choose(options, ctx)
    write_left_out(ctx.project, LeftOut(options=options.model_dump(exclude_none=True), rows=ids))
    result.artifacts = [ctx.project.relative(balance_path(ctx.project))]
    result.summary = f"{result.left_out:,} of {result.rows:,} train rows are left out"
    result.payload = result.model_dump(mode="json", include={"labels", "rows", "kept", "left_out"})
    return result


def preview(inputs: BalanceInputs, options: BalanceOptions, ctx: StageContext) -> BalanceResult:  # noqa: ARG001
    """What would be left out; nothing is written."""
    result, _ = _choose(options, ctx)
    result.dry_run = True
    return result


def _choose(options: BalanceOptions, ctx: StageContext) -> tuple[BalanceResult, list[str]]:
    rows = _train_rows(ctx)
    labels, ids = choose_left_out(rows, options)
    kept = len(rows) - len(ids)
    return BalanceResult(labels=labels, rows=len(rows), kept=kept, left_out=len(ids)), ids


def _train_rows(ctx: StageContext) -> list[Example]:
    manifest = load_manifest(ctx.project)
    if not has_labels(manifest.task):
        raise UsageError(
            f"the task {manifest.task.profile} has no labels to balance",
            where="task.profile in narrowcast.yaml",
            next_command="set quotas by category instead: specs/generation_prompts/plan.yaml",
            reason_code="factory_request_invalid",
        )
    left_out = [
        Example.from_dict(line["data"])
        for line in rejections(ctx.project)
        if line["reason"] == "balanced_out"
    ]
    return [*read_split(ctx.project, manifest, Split.TRAIN), *left_out]


STAGE = StageDefinition(
    name="balance",
    event_stage=StageName.FACTORY,
    options=BalanceOptions,
    result=BalanceResult,
    read_inputs=read_inputs,
    run=run,
    preview=preview,
    success_code="factory_balance_run",
    failure_code="factory_balance_failed",
    cancelled_code="factory_cancelled",
    command="data balance",
    holds=ROWS,
)
