"""From the path of an exported file to something that answers, by what its description says it is."""

from __future__ import annotations

from pathlib import Path

from narrowcast.models.onnx.classifier_file import OnnxClassifier
from narrowcast.models.onnx.extractor_file import OnnxExtractor
from narrowcast.models.onnx.file import OnnxFile
from narrowcast.models.onnx.layout import ExtractorFile, OnnxDescription
from narrowcast.models.onnx.tagger_file import OnnxTagger

OnnxModel = OnnxClassifier | OnnxTagger | OnnxExtractor


def open_onnx(path: Path) -> OnnxModel:
    """Load a file.

    Raises:
        ModelError: if it cannot be loaded, or was not exported here.
        MissingExtraError: without onnxruntime, numpy, or, where there is an encoder, tokenizers.
    """
    file = OnnxFile(path)
    if isinstance(file.description, ExtractorFile):
        return OnnxExtractor(file)
    return OnnxClassifier(file) if isinstance(file.description, OnnxDescription) else OnnxTagger(file)
