"""`run:ID`, a trained model of the project, whichever method trained it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from narrowcast.core.model_ref import ModelRef
from narrowcast.core.paths import ProjectPaths
from narrowcast.models.loading import read_run_manifest
from narrowcast.models.predictors.base import Predictor, PredictorContext, PredictorFactory

if TYPE_CHECKING:
    from narrowcast.models.predictors.baseline import FittedPredictor


def from_run(context: PredictorContext, run_id: str) -> Predictor:
    """A trained model: a classifier or tagger, or a language model with its adapter merged in.

    Raises:
        ModelError: if its weights are gone; the base is never a stand-in.
    """
    if read_run_manifest(context.project, run_id).is_classifier:
        return _classifier(context, run_id)
    from narrowcast.models.predictors.transformers import from_run as language_model

    return language_model(context, run_id)


def _classifier(context: PredictorContext, run_id: str) -> FittedPredictor:
    from narrowcast.models.predictors.baseline import FittedPredictor
    from narrowcast.models.shipped import load_trained

    manifest = read_run_manifest(context.project, run_id)
    trained = load_trained(context.project, manifest, context.settings)
    labels = context.task.labels or ()
    predictor = FittedPredictor(ModelRef.of_run(run_id), lambda texts: trained.answers(texts, labels))
    predictor.size_bytes = trained.size_bytes
    return predictor


def _weights(context: PredictorContext, run_id: str) -> Mapping[str, object]:
    return {"weights": read_run_manifest(context.project, run_id).weights_sha256}


def _itself(project: ProjectPaths, run_id: str) -> str:  # noqa: ARG001 - the form of `PredictorFactory.run`
    return run_id


RUN = PredictorFactory(
    load=from_run, argument="the id of a training run", content=_weights, by_content=True, run=_itself
)
