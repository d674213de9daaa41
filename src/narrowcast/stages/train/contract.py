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
        method: linear, lora, full, ...
        trace: the per-step trace, relative to the project; empty for a method without steps.
        final_train_loss: mean of the last epoch, nats per completion token; of a classifier nats per row,
            None where it gives no probabilities.
        dev_loss: after the last step; None without dev rows.
        dataset_version: trained on.
        weights_sha256: of the saved weights.
        seconds: of training.
        tokens_per_second: real tokens, padding not counted; 0 for a classifier, which counts none.
        overfit: the dev loss ended worse than its best.
        forgetting: bits per byte of general text before and after, and `rise`; empty where not read.
        drawn: of a quick run, which share of the train rows it saw; empty where it saw all.
        shortened: why it had fewer epochs than asked for or usual; empty where its budget of time was enough.
        tracking: tracker to where the run is, or to `failed: ` and why.
    """

    run_id: str
    path: str
    base: str
    method: str
    trace: str
    final_train_loss: float | None
    dev_loss: float | None
    dataset_version: str
    weights_sha256: str
    seconds: float
    tokens_per_second: float
    overfit: bool = False
    forgetting: dict[str, float] = Field(default_factory=dict)
    drawn: str = ""
    shortened: str = ""
    tracking: dict[str, str] = Field(default_factory=dict)


def read_inputs(options: Options, ctx: StageContext) -> Inputs:
    """Data-set version and base model, resolved.

    Raises:
        DataError: if nothing was prepared.
        ModelError: if the base is unknown, not on this machine or unusable.
    """
    from narrowcast.core.hashing import content_hash

    manifest = load_manifest(ctx.project)
    return Inputs(
        dataset_version=manifest.version,
        task_sha256=content_hash(manifest.task.model_dump(mode="json")),
        base_fingerprint=_base_fingerprint(options, ctx),
        parent=prepared.run_id if (prepared := load_record(ctx.project, "prepare")) else None,
    )


def _base_fingerprint(options: Options, ctx: StageContext) -> str:
    """Of the weights a run begins from; empty for a classifier that begins from none."""
    if options.is_classifier:
        from narrowcast.training.classifiers.setup import chosen_features

        _, encoder = chosen_features(options, ctx.settings, {})
        return encoder.fingerprint() if encoder else ""
    from narrowcast.models.loading import resolve_base

    return resolve_base(options.base, ctx.settings).fingerprint
