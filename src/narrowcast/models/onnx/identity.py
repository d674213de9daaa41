"""Whether an ONNX file is a given model: every table, the metadata, and the linear part of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowcast.core.parity import Cause, Mismatch
from narrowcast.models.onnx.content import Content, content_of
from narrowcast.models.onnx.layout import TOKENIZER, Description, Origin, read_description
from narrowcast.plugins.optional import require

if TYPE_CHECKING:
    from narrowcast.models.shipped import TrainedModel

_SCALAR = 1  # values of a float that the exporter writes as a table, such as an epsilon


def compare_onnx(path: Path, trained: TrainedModel, origin: Origin) -> Mismatch | None:
    """Compare a file with the model.

    Args:
        path: the file.
        trained: the measured model; of an encoder the weights in memory are compared.
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
    expected = content_of(trained, origin)
    return (
        _description(description, expected.description)
        or _tokenizer(metadata, expected.metadata)
        or _tables(model.graph, {**expected.tables, **expected.traced})
        or _graph(model, expected)
    )


def _description(found: Description, expected: Description) -> Mismatch | None:
    if found.run_id != expected.run_id:
        return Mismatch("run", f"the file is of run {found.run_id}")
    if type(found) is not type(expected):
        return Mismatch("metadata", f"the format is {found.format}")
    for name in type(expected).model_fields:
        own, theirs = getattr(expected, name), getattr(found, name)
        if own != theirs:
            cause: Cause = "tokenizer" if name in ("ngrams", "encoder") else "metadata"
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


def _graph(model: Any, expected: Content) -> Mismatch | None:
    """The linear part is the one that is written today, and nothing comes after it.

    What is before it, the encoder's computation, is judged by what it gives.
    """
    nodes = list(model.graph.node)
    if model.functions or nodes[len(nodes) - len(expected.nodes) :] != expected.nodes:
        return Mismatch("weights", "the linear part of the graph is not the model's")
    if len(nodes) > len(expected.nodes) and expected.trace is None:
        return Mismatch("weights", "the graph computes more than the model does")
    return None
