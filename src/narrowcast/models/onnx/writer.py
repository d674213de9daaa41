"""A trained classifier or tagger into one ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.errors import ModelError
from narrowcast.models.onnx.content import content_of
from narrowcast.models.onnx.layout import IR_VERSION, OPSET, TRACED_WITH, Origin
from narrowcast.plugins.optional import require
from narrowcast.version import __version__

if TYPE_CHECKING:
    from narrowcast.models.shipped import TrainedModel

_LARGEST = 2**31 - 1  # of a protobuf message
_SAYS = (
    "Scores of classes from the features of a text, or of its words. What the inputs and outputs mean, the "
    "vocabularies and the tokenizer are in the metadata."
)


def write_onnx(trained: TrainedModel, path: Path, origin: Origin) -> int:
    """Write the file.

    Args:
        trained: the model with its encoder.
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


def onnx_model(trained: TrainedModel, origin: Origin) -> Any:
    """The file's content, an `onnx.ModelProto`."""
    require("onnx", purpose="writing an ONNX file")
    from onnx import TensorProto, helper, numpy_helper

    content = content_of(trained, origin)
    metadata = content.metadata
    graph = helper.make_graph([], "classifier", [], [])
    if content.trace is not None:
        require("onnxscript", "torch", purpose="writing an encoder as ONNX")
        from narrowcast.models.onnx.encoder_graph import versions

        metadata[TRACED_WITH] = versions()
        graph = content.trace()
        graph.name = "classifier"
    graph.input.extend(content.inputs)
    graph.initializer.extend(numpy_helper.from_array(each, name) for name, each in content.tables.items())
    graph.node.extend(content.nodes)
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in content.description.shapes.items()
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, doc_string=_SAYS
    )
    model.producer_name, model.producer_version = "narrowcast", __version__
    helper.set_model_props(model, metadata)
    return model
