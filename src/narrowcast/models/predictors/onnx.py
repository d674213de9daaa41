"""An exported classifier or tagger as a predictor: onnxruntime in this process."""

from __future__ import annotations

from narrowcast.core.model_ref import ModelRef
from narrowcast.models.onnx.reader import open_onnx
from narrowcast.models.predictors.base import PredictorContext
from narrowcast.models.predictors.baseline import FittedPredictor
from narrowcast.models.predictors.exported import exported_factory, proven_path


def from_reference(context: PredictorContext, argument: str) -> FittedPredictor:
    """`onnx:<path>` or `onnx:<format>` of the project's current bundle, as it was proven."""
    model = open_onnx(proven_path(context.project, argument))
    labels = context.task.labels or ()
    predictor = FittedPredictor(ModelRef.of_file(argument), lambda texts: model.answers(texts, labels))
    predictor.size_bytes = model.path.stat().st_size
    return predictor


ONNX = exported_factory(from_reference, "onnx")
