"""An exported classifier as a predictor: onnxruntime in this process."""

from __future__ import annotations

from narrowcast.core.model_ref import ModelRef
from narrowcast.models.onnx.reader import OnnxClassifier
from narrowcast.models.predictors.base import PredictorContext
from narrowcast.models.predictors.baseline import FittedPredictor
from narrowcast.models.predictors.exported import exported_factory, proven_path


def from_reference(context: PredictorContext, argument: str) -> FittedPredictor:
    """`onnx:<path>` or `onnx:<format>` of the project's current bundle, as it was proven."""
    classifier = OnnxClassifier(proven_path(context.project, argument))
    labels = context.task.labels or ()
    predictor = FittedPredictor(ModelRef.of_file(argument), lambda texts: classifier.answers(texts, labels))
    predictor.size_bytes = classifier.path.stat().st_size
    return predictor


ONNX = exported_factory(from_reference, "onnx")
