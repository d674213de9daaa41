"""A trained classifier into one ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.errors import ModelError
from narrowcast.models.onnx.layout import (
    IR_VERSION,
    LOG_PROBABILITIES,
    OPSET,
    SCORES,
    TRACED_WITH,
    Origin,
    classifier_tables,
    columns_input,
    counts_input,
    metadata_of,
)
from narrowcast.models.onnx.linear_graph import constants, linear_nodes
from narrowcast.plugins.optional import require
from narrowcast.version import __version__

if TYPE_CHECKING:
    from narrowcast.models.classifiers.linear import LinearClassifier
    from narrowcast.models.classifiers.loading import TrainedClassifier

_LARGEST = 2**31 - 1  # of a protobuf message
_SAYS = (
    "Scores of classes from the features of a text. What the inputs and outputs mean, the vocabularies and "
    "the tokenizer are in the metadata."
)


def write_onnx(trained: TrainedClassifier, path: Path, origin: Origin) -> int:
    """Write the file.

    Args:
        trained: the classifier and its encoder.
        path: of the file.
        origin: of the model.

    Returns:
        The number of tables of weights.

    Raises:
        ModelError: an encoder that cannot be traced, or one too large for a single file.
        MissingExtraError: without onnx, or torch where there is an encoder.
    """
    model = onnx_model(trained, origin)
    size = model.ByteSize()
    if size > _LARGEST:
        raise ModelError(
            f"the model has {size / 1e9:.1f} GB, and one ONNX file holds at most 2 GB",
            where=str(path),
            next_command="narrowcast train --method linear --base minilm",
            reason_code="export_format_unsuited",
        )
    path.write_bytes(model.SerializeToString())
    return sum(each.data_type == 1 for each in model.graph.initializer)


def onnx_model(trained: TrainedClassifier, origin: Origin) -> Any:
    """The file's content, an `onnx.ModelProto`."""
    require("onnx", purpose="writing an ONNX file")
    from onnx import TensorProto, helper, numpy_helper

    classifier, vector, metadata = trained.classifier, None, metadata_of(trained, origin)
    graph = helper.make_graph([], "classifier", [], [])
    if trained.encoder is not None:
        require("onnxscript", "torch", purpose="writing an encoder as ONNX")
        from narrowcast.models.onnx.encoder_graph import VECTOR, encoder_graph, versions

        metadata[TRACED_WITH] = versions()
        graph, vector = encoder_graph(trained.encoder), VECTOR
        graph.name = "classifier"
        del graph.output[:]
    graph.input.extend(_bag_inputs(classifier))
    tables = classifier_tables(classifier) | (constants() if classifier.bags else {})
    graph.initializer.extend(numpy_helper.from_array(each, name) for name, each in tables.items())
    graph.node.extend(linear_nodes(classifier, vector))
    shape: list[str | int | None] = ["rows", len(classifier.classes)]
    computed = {name for node in graph.node for name in node.output}
    outputs = [name for name in (SCORES, LOG_PROBABILITIES) if name in computed]
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in outputs)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, doc_string=_SAYS
    )
    model.producer_name, model.producer_version = "narrowcast", __version__
    helper.set_model_props(model, metadata)
    return model


def _bag_inputs(classifier: LinearClassifier) -> list[Any]:
    from onnx import TensorProto, helper

    inputs = []
    for kind in (bag.kind for bag in classifier.bags):
        named: list[tuple[Callable[..., str], int]] = [
            (columns_input, TensorProto.INT64),
            (counts_input, TensorProto.FLOAT),
        ]
        inputs += [
            helper.make_tensor_value_info(of(kind), what, ["rows", f"{kind}_ngrams"]) for of, what in named
        ]
    return inputs
