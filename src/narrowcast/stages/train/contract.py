"""What training reads and what it returns."""

from __future__ import annotations

from pydantic import Field

from narrowcast.core.stage import StageContext, StageInputs, StageResult
from narrowcast.store.datasets import load_manifest
from narrowcast.store.stage_records import load_record
from narrowcast.training.options import Options


class Inputs(StageInputs):
    """What decides the weights besides the options."""

    dataset_version: str
    task_sha256: str
    base_fingerprint: str


class TrainResult(StageResult):
    """A trained model.

    Attributes:
        run_id: `exp-…`.
        path: folder of the weights, relative to the project.
        base: name of the base model.
        method: lora or full.
        trace: the per-step trace, relative to the project.
        final_train_loss: mean of the last epoch, nats per completion token.
        dev_loss: after the last step; None without dev rows.
        dataset_version: trained on.
        weights_sha256: of the saved weights.
        seconds: of training.
        tokens_per_second: real tokens, padding not counted.
        overfit: the dev loss ended worse than its best.
        forgetting: bits per byte of general text before and after, and `rise`; empty where not read.
        drawn: of a quick run, which share of the train rows it saw; empty where it saw all.
        tracking: tracker to where the run is, or to `failed: ` and why.
    """

    run_id: str
    path: str
    base: str
    method: str
    trace: str
    final_train_loss: float
    dev_loss: float | None
    dataset_version: str
    weights_sha256: str
    seconds: float
    tokens_per_second: float
    overfit: bool = False
    forgetting: dict[str, float] = Field(default_factory=dict)
    drawn: str = ""
    tracking: dict[str, str] = Field(default_factory=dict)


def read_inputs(options: Options, ctx: StageContext) -> Inputs:
    """Data-set version and base model, resolved.

    Raises:
        DataError: if nothing was prepared.
        ModelError: if the base is unknown, not on this machine or unusable.
    """
    from narrowcast.core.hashing import content_hash
    from narrowcast.models.loading import resolve_base

    manifest = load_manifest(ctx.project)
    base = resolve_base(options.base, ctx.settings)
    return Inputs(
        dataset_version=manifest.version,
        task_sha256=content_hash(manifest.task.model_dump(mode="json")),
        base_fingerprint=base.fingerprint,
        parent=prepared.run_id if (prepared := load_record(ctx.project, "prepare")) else None,
    )
