"""Whether an ONNX file is a given model: the metadata, every table, and every node of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.core.parity import Cause, Mismatch
from narrowcast.models.onnx.content import Content, content_of
from narrowcast.models.onnx.layout import TOKENIZER, TRACED_WITH, Description, Origin, read_description
from narrowcast.models.onnx.same_graph import (
    DamagedTableError,
    foreign_table,
    graph_difference,
    values_of,
)
from narrowcast.models.onnx.writer import onnx_model
from narrowcast.plugins.optional import require

if TYPE_CHECKING:
    from narrowcast.models.shipped import TrainedModel


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found.

    Attributes:
        mismatch: the first thing in which the file is another model; None where there is none.
        graph_equal: the file computes, node by node, what is written of the model today.
    """

    mismatch: Mismatch | None
    graph_equal: bool


def compare_onnx(path: Path, trained: TrainedModel, origin: Origin) -> Compared:
    """Compare a file with the model.

    Args:
        path: the file.
        trained: the measured model; of an encoder the weights in memory are compared.
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
    if len(metadata) < len(model.metadata_props):  # one reader takes the first, another the last
        return Compared(Mismatch("metadata", "a key of the metadata occurs twice"), graph_equal=False)
    expected = content_of(trained, origin)
    try:
        mismatch = (
            _description(description, expected.description)
            or _tokenizer(metadata, expected.metadata)
            or _tables(model.graph, {**expected.tables, **expected.traced})
        )
        return Compared(mismatch, graph_equal=False) if mismatch else _graph(model, trained, origin, expected)
    except DamagedTableError as error:
        return Compared(Mismatch("file", str(error)), graph_equal=False)


def _description(found: Description, expected: Description) -> Mismatch | None:
    if found.run_id != expected.run_id:
        return Mismatch("run", f"the file is of run {found.run_id}")
    if type(found) is not type(expected):
        return Mismatch("metadata", f"the format is {found.format}")
    for name in type(expected).model_fields:
        own, theirs = getattr(expected, name), getattr(found, name)
        if own != theirs:
            cause: Cause = "tokenizer" if name in ("ngrams", "encoder", "features") else "metadata"
            return Mismatch(cause, f"{name} differs: {_first(theirs, own)}")
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


def _tables(graph: Any, expected: Mapping[str, Any]) -> Mismatch | None:
    from onnx import TensorProto

    tables = {each.name: each for each in graph.initializer}
    if len(tables) < len(graph.initializer):
        return Mismatch("weights", "two tables have the same name")
    for name, table in expected.items():
        if name not in tables:
            return Mismatch("weights", f"the table {name} is missing")
        if tables[name].data_location == TensorProto.EXTERNAL:
            return Mismatch("weights", f"the table {name} lies in another file")
        held = values_of(tables[name])
        if held.dtype != table.dtype or held.shape != table.shape:
            return Mismatch("weights", f"the table {name} has another type or shape")
        if held.tobytes() != table.tobytes():
            return Mismatch("weights", f"the table {name} has other values")
    return None


def _graph(model: Any, trained: TrainedModel, origin: Origin, expected: Content) -> Compared:
    """Every node, and every table that is not one of weights, against those that are written today.

    Other versions of torch may trace an encoder otherwise. Of their files the linear part is compared, and
    that nothing has weights of its own; what the encoder's part computes is judged by the answers alone.
    """
    today, weights = onnx_model(trained, origin), {**expected.tables, **expected.traced}
    detail = graph_difference(model, today, weights)
    if not detail:
        return Compared(None, graph_equal=True)
    if expected.trace is None or _traced_with(model) == _traced_with(today):
        return Compared(Mismatch("weights", detail), graph_equal=False)
    nodes = list(model.graph.node)
    if nodes[len(nodes) - len(expected.nodes) :] != expected.nodes:
        detail = "the linear part of the graph is not the model's"
    else:
        detail = foreign_table(model, today, weights)
    return Compared(Mismatch("weights", detail) if detail else None, graph_equal=False)


def _traced_with(model: Any) -> str:
    return next((each.value for each in model.metadata_props if each.key == TRACED_WITH), "")
