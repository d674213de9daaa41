"""Whether an ONNX file is a given classifier: every table, the metadata, and the linear part of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.core.parity import Cause, Mismatch
from narrowcast.models.onnx.encoder_graph import VECTOR
from narrowcast.models.onnx.layout import (
    ENCODER_PREFIX,
    TOKENIZER,
    OnnxDescription,
    Origin,
    classifier_tables,
    description_of,
    metadata_of,
    read_description,
)
from narrowcast.models.onnx.linear_graph import constants, linear_nodes
from narrowcast.plugins.optional import require

if TYPE_CHECKING:
    from narrowcast.models.classifiers.loading import TrainedClassifier

_SCALAR = 1  # values of a float that the exporter writes as a table, such as an epsilon


def compare_onnx(path: Path, trained: TrainedClassifier, origin: Origin) -> Mismatch | None:
    """Compare a file with the model.

    Args:
        path: the file.
        trained: the measured classifier; of an encoder the weights in memory are compared.
        origin: of the model.

    Returns:
        The first thing in which the file is another model; None where it is the same.
    """
    require("onnx", purpose="comparing an ONNX file")
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
        metadata = {each.key: each.value for each in model.metadata_props}
        description = read_description(metadata)
    except (DecodeError, ValueError, OSError) as error:
        return Mismatch("file", f"the file cannot be read: {error}")
    return (
        _description(description, trained, origin)
        or _tokenizer(metadata, metadata_of(trained, origin))
        or _tables(model.graph, _expected(trained))
        or _graph(model, trained)
    )


def _description(description: OnnxDescription, trained: TrainedClassifier, origin: Origin) -> Mismatch | None:
    expected = description_of(trained, origin)
    if description.run_id != origin.run_id:
        return Mismatch("run", f"the file is of run {description.run_id}")
    for name in OnnxDescription.model_fields:
        if getattr(description, name) != getattr(expected, name):
            cause: Cause = "tokenizer" if name in ("ngrams", "encoder") else "metadata"
            return Mismatch(
                cause, f"{name} differs: {_first(getattr(description, name), getattr(expected, name))}"
            )
    return None


def _first(found: Any, expected: Any) -> str:
    """The first place in which two values differ, for people."""
    if isinstance(found, dict) and isinstance(expected, dict) and found.keys() == expected.keys():
        name = next(each for each in found if found[each] != expected[each])
        return f"{name}: {_first(found[name], expected[name])}"
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        at = next(number for number, each in enumerate(found) if each != expected[number])
        return f"number {at} is {found[at]!r}, not {expected[at]!r}"
    if isinstance(found, list | dict) and isinstance(expected, list | dict):
        return f"{len(found):,} entries, not {len(expected):,}"
    return f"{found!r}, not {expected!r}"


def _tokenizer(found: Mapping[str, str], expected: Mapping[str, str]) -> Mismatch | None:
    if found.get(TOKENIZER) != expected.get(TOKENIZER):
        return Mismatch("tokenizer", "the tokenizer is not the encoder's")
    return None


def _expected(trained: TrainedClassifier) -> dict[str, Any]:
    """Every table of weights, by its name in the file."""
    tables = classifier_tables(trained.classifier) | (constants() if trained.classifier.bags else {})
    return tables | (trained.encoder.tables(ENCODER_PREFIX) if trained.encoder else {})


def _tables(graph: Any, expected: Mapping[str, Any]) -> Mismatch | None:
    from onnx import TensorProto, numpy_helper

    tables = {each.name: each for each in graph.initializer}
    if len(tables) < len(graph.initializer):
        return Mismatch("weights", "two tables have the same name")
    for name, table in expected.items():
        if name not in tables:
            return Mismatch("weights", f"the table {name} is missing")
        if tables[name].data_location == TensorProto.EXTERNAL:
            return Mismatch("weights", f"the table {name} lies in another file")
        held = numpy_helper.to_array(tables[name])
        if held.dtype != table.dtype or held.shape != table.shape:
            return Mismatch("weights", f"the table {name} has another type or shape")
        if held.tobytes() != table.tobytes():
            return Mismatch("weights", f"the table {name} has other values")
    for name, each in tables.items():
        if name not in expected and each.data_type == TensorProto.FLOAT and _values(each) > _SCALAR:
            return Mismatch("weights", f"the table {name} is not of the model")
    return None


def _values(table: Any) -> int:
    values = 1
    for size in table.dims:
        values *= size
    return values


def _graph(model: Any, trained: TrainedClassifier) -> Mismatch | None:
    """The linear part is the one that is written today, and nothing comes after it.

    What is before it, the encoder's computation, is judged by what it gives.
    """
    encoder = trained.encoder is not None
    expected = linear_nodes(trained.classifier, VECTOR if encoder else None)
    nodes = list(model.graph.node)
    if model.functions or nodes[len(nodes) - len(expected) :] != expected:
        return Mismatch("weights", "the linear part of the graph is not the model's")
    if len(nodes) > len(expected) and not encoder:
        return Mismatch("weights", "the graph computes more than the model does")
    return None
