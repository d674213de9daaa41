"""Whether an ONNX file is a given classifier: the metadata, every table, and every node of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.core.parity import Cause, Mismatch
from narrowcast.models.onnx.encoder_graph import VECTOR
from narrowcast.models.onnx.layout import (
    ENCODER_PREFIX,
    TOKENIZER,
    TRACED_WITH,
    OnnxDescription,
    Origin,
    classifier_tables,
    description_of,
    metadata_of,
    read_description,
)
from narrowcast.models.onnx.linear_graph import constants, linear_nodes
from narrowcast.models.onnx.same_graph import foreign_table, graph_difference
from narrowcast.models.onnx.writer import onnx_model
from narrowcast.plugins.optional import require

if TYPE_CHECKING:
    from narrowcast.models.classifiers.loading import TrainedClassifier


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found.

    Attributes:
        mismatch: the first thing in which the file is another model; None where there is none.
        graph_equal: the file computes, node by node, what is written of the model today.
    """

    mismatch: Mismatch | None
    graph_equal: bool


def compare_onnx(path: Path, trained: TrainedClassifier, origin: Origin) -> Compared:
    """Compare a file with the model.

    Args:
        path: the file.
        trained: the measured classifier; of an encoder the weights in memory are compared.
        origin: of the model.

    Raises:
        ModelError: an encoder that cannot be traced.
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
        return Compared(Mismatch("file", f"the file cannot be read: {error}"), graph_equal=False)
    mismatch = (
        _description(description, trained, origin)
        or _tokenizer(metadata, metadata_of(trained, origin))
        or _tables(model.graph, _expected(trained))
    )
    return Compared(mismatch, graph_equal=False) if mismatch else _graph(model, trained, origin)


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
    return None


def _graph(model: Any, trained: TrainedClassifier, origin: Origin) -> Compared:
    """Every node, and every table that is not one of weights, against those that are written today.

    Other versions of torch may trace an encoder otherwise. Of their files the linear part is compared, and
    that nothing has weights of its own; what the encoder's part computes is judged by the answers alone.
    """
    today, weights = onnx_model(trained, origin), _expected(trained)
    detail = graph_difference(model, today, weights)
    if not detail:
        return Compared(None, graph_equal=True)
    encoder = trained.encoder is not None
    if not encoder or _traced_with(model) == _traced_with(today):
        return Compared(Mismatch("weights", detail), graph_equal=False)
    expected, nodes = linear_nodes(trained.classifier, VECTOR), list(model.graph.node)
    if nodes[len(nodes) - len(expected) :] != expected:
        detail = "the linear part of the graph is not the model's"
    else:
        detail = foreign_table(model, today, weights)
    return Compared(Mismatch("weights", detail) if detail else None, graph_equal=False)


def _traced_with(model: Any) -> str:
    return next((each.value for each in model.metadata_props if each.key == TRACED_WITH), "")
