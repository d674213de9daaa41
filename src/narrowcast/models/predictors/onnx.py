"""An exported classifier or tagger as a predictor: onnxruntime in this process."""

from __future__ import annotations

from collections.abc import Mapping

from narrowcast.core.model_ref import ModelRef
from narrowcast.models.onnx.reader import open_onnx
from narrowcast.models.predictors.base import PredictorContext, PredictorFactory
from narrowcast.models.predictors.baseline import FittedPredictor
from narrowcast.models.predictors.exported import exported_path, exported_run, proven_path
from narrowcast.store.files import sha256_file


def from_reference(context: PredictorContext, argument: str) -> FittedPredictor:
    """`onnx:<path>` or `onnx:<format>` of the project's current bundle, as it was proven."""
    model = open_onnx(proven_path(context.project, argument))
    labels = context.task.labels or ()
    predictor = FittedPredictor(ModelRef.of_file(argument), lambda texts: model.answers(texts, labels))
    predictor.size_bytes = model.path.stat().st_size
    return predictor


def _weights(context: PredictorContext, argument: str) -> Mapping[str, object]:
    return {"weights": sha256_file(exported_path(context.project, argument))}


ONNX = PredictorFactory(
    load=from_reference,
    argument="a path, or a format of the current bundle, such as onnx",
    content=_weights,
    by_content=True,
    run=exported_run,
)
