"""Whether an ONNX model computes what another one does: every node with its attributes, and every table."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from itertools import chain, zip_longest
from typing import Any

_VALUES = ("raw_data", "float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


class DamagedTableError(ValueError):
    """A table whose values no reader could agree on."""


def values_of(table: Any) -> Any:
    """The values of a table in the file, as an array.

    Raises:
        DamagedTableError: if sizes and values do not fit, or the values are there twice.
    """
    from onnx import numpy_helper

    if sum(bool(getattr(table, name)) for name in _VALUES) > 1 or table.HasField("segment"):
        raise DamagedTableError(f"the table {table.name} has more than one set of values")
    if any(size < 0 for size in table.dims):
        raise DamagedTableError(f"the table {table.name} has a negative size")
    try:
        return numpy_helper.to_array(table)
    except (ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        raise DamagedTableError(f"the table {table.name} is damaged") from error


def graph_difference(found: Any, expected: Any, compared: Collection[str]) -> str:
    """The first thing in which a model computes something else; empty where there is none.

    Names of nodes, annotations of shapes and notes compute nothing and may differ.

    Args:
        found: an `onnx.ModelProto`.
        expected: the one that is written today.
        compared: names of the tables that were compared before.
    """
    return (
        _elsewhere(found)
        or _ports(found.graph, expected.graph)
        or _tables(found.graph, expected.graph, compared)
        or _nodes(found.graph.node, expected.graph.node)
        or ("" if _opsets(found) == _opsets(expected) else "the operators are of another version")
    )


def foreign_table(found: Any, expected: Any, compared: Collection[str]) -> str:
    """The first table of numbers with a fraction that the other model has nowhere; empty for none.

    Single numbers, such as an epsilon, and integers, such as positions and shapes, belong to the computation.

    Args:
        found: an `onnx.ModelProto`.
        expected: the one that is written today.
        compared: names of the tables that were compared before.
    """
    from onnx import TensorProto

    fractions = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}
    known = {_content(table) for name, table in _every_table(expected.graph) if name not in compared}
    for name, table in _every_table(found.graph):
        if name in compared or table.data_type not in fractions or math.prod(table.dims) <= 1:
            continue
        if _content(table) not in known:
            return f"the table {name} is not of the model"
    nodes = (node for graph in _graphs(found.graph) for node in graph.node)
    listed = next(
        (each.output[0] for each in nodes if any(len(held.floats) > 1 for held in each.attribute)), ""
    )
    return f"the table {listed} is not of the model" if listed else _elsewhere(found)


def _elsewhere(model: Any) -> str:
    """What no file of ours has, where something could be computed unseen."""
    parts = {
        "functions": model.functions,
        "training": model.training_info,
        "sparse tables": model.graph.sparse_initializer,
        "quantised values": model.graph.quantization_annotation,
    }
    return next((f"the file has {name}, and the model has none" for name, part in parts.items() if part), "")


def _ports(found: Any, expected: Any) -> str:
    for name in ("input", "output"):
        ours, theirs = (
            [(each.name, each.type.tensor_type.elem_type) for each in getattr(graph, name)]
            for graph in (expected, found)
        )
        if ours != theirs:
            return f"the graph has other {name}s"
    return ""


def _tables(found: Any, expected: Any, compared: Collection[str]) -> str:
    theirs, ours = ({each.name: each for each in graph.initializer} for graph in (found, expected))
    for name, table in theirs.items():
        if name not in ours:
            return f"the table {name} is not of the model"
        if name not in compared and _content(table) != _content(ours[name]):
            return f"the table {name} has other values"
    missing = ours.keys() - theirs.keys()
    return f"the table {min(missing)} is missing" if missing else ""


def _nodes(found: Any, expected: Any) -> str:
    for number, (theirs, ours) in enumerate(zip_longest(found, expected)):
        if theirs is None:
            return f"the graph ends before node {number}, which computes {ours.output[0]}"
        if ours is None or _computed(theirs) != _computed(ours):
            return f"the graph computes something else at node {number}, {theirs.op_type} {theirs.output[0]}"
    return ""


def _computed(node: Any) -> tuple[Any, ...]:
    attributes = sorted(each.SerializeToString(deterministic=True) for each in node.attribute)
    return node.domain, node.op_type, node.overload, list(node.input), list(node.output), attributes


def _content(table: Any) -> tuple[Any, ...]:
    from onnx import TensorProto

    if table.data_location == TensorProto.EXTERNAL:
        return ("in another file",)
    return table.data_type, *table.dims, values_of(table).tobytes()


def _opsets(model: Any) -> set[tuple[str, int]]:
    return {(each.domain, each.version) for each in model.opset_import}


def _every_table(graph: Any) -> Iterator[tuple[str, Any]]:
    """Name and table, those in attributes of nodes and in graphs of theirs included."""
    for each in _graphs(graph):
        held = ((node.output[0], held) for node in each.node for held in node.attribute)
        named = ((name, table) for name, held in held for table in (held.t, *held.tensors) if table.data_type)
        yield from chain(((table.name, table) for table in each.initializer), named)


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph, and those that its nodes branch to."""
    yield graph
    for node in graph.node:
        for held in node.attribute:
            for inner in (held.g, *held.graphs):
                if inner.node or inner.initializer:
                    yield from _graphs(inner)
