"""Fine-tuning: manifest and recipe to a trained adapter or full weights."""

from __future__ import annotations

from narrowcast.core.concerns import TRAINING
from narrowcast.core.stage import StageContext, StageDefinition
from narrowcast.reasons import StageName
from narrowcast.stages.train.contract import Inputs, TrainResult, read_inputs
from narrowcast.training.options import Options


def run(inputs: Inputs, options: Options, ctx: StageContext) -> TrainResult:
    """Train; see `narrowcast.stages.train.run` and `narrowcast.training.classifiers`."""
    if options.is_classifier:
        from narrowcast.stages.train.classifier import train_classifier

        return train_classifier(options, ctx)
    from narrowcast.stages.train.run import train

    return train(inputs, options, ctx)


STAGE = StageDefinition(
    name="train",
    event_stage=StageName.TRAINING,
    options=Options,
    result=TrainResult,
    read_inputs=read_inputs,
    run=run,
    success_code="training_run",
    failure_code="training_runtime_error",
    cancelled_code="training_cancelled",
    run_prefix="exp",
    keep_each=True,
    shared=True,
    holds=TRAINING,
)

__all__ = ["STAGE", "Inputs", "Options", "TrainResult"]
