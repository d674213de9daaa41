"""The linear part of a classifier as nodes of an ONNX graph.

Of each bag: columns and counts of n-grams, padded with count 0, to (1 + log of the count) times idf, scaled
to length 1, times the weights. The blocks add up; a temperature and a softmax make probabilities of scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from narrowcast.models.classifiers.linear import ENCODER
from narrowcast.models.extractors.files import TAG_BIAS, TAG_WEIGHT
from narrowcast.models.onnx.layout import (
    LOG_PROBABILITIES,
    SCORES,
    TAG_SCORES,
    WORD_FEATURES,
    WORD_PRESENT,
    columns_input,
    counts_input,
)

if TYPE_CHECKING:
    from narrowcast.models.classifiers.linear import LinearClassifier
    from narrowcast.models.classifiers.ngrams import BagKind

TEMPERATURE = "temperature"
CONSTANTS = "constant."
"""What the names of the numbers that these nodes need begin with."""


def constants() -> dict[str, Any]:
    """Name to value."""
    import numpy as np

    return {
        f"{CONSTANTS}zero": np.array(0, dtype=np.float32),
        f"{CONSTANTS}one": np.array(1, dtype=np.float32),
        f"{CONSTANTS}axis": np.array([1], dtype=np.int64),
    }


def word_nodes() -> list[Any]:
    """Nodes from the features of words, of shape (all words, most features), to the scores of their tags."""
    nodes, axis = _Nodes(), f"{CONSTANTS}axis"
    rows = nodes.add("Gather", [TAG_WEIGHT, WORD_FEATURES], "tags/rows", axis=0)
    present = nodes.add("Unsqueeze", [WORD_PRESENT, axis], "tags/present")
    product = nodes.add("MatMul", [present, rows], "tags/product")
    nodes.add("Add", [nodes.add("Squeeze", [product, axis], "tags/sum"), TAG_BIAS], TAG_SCORES)
    return nodes.made


class _Nodes:
    """Nodes in the order in which they are computed."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.made.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def linear_nodes(classifier: LinearClassifier, vector: str | None) -> list[Any]:
    """Nodes from the inputs of the bags, and the vector of an encoder, to the outputs.

    Args:
        classifier: whose bags and blocks there are.
        vector: name of the value of shape (rows, dimensions), where a block wants one.
    """
    nodes = _Nodes()
    parts = [_bag(nodes, bag.kind) for bag in classifier.bags]
    if vector is not None:
        parts.append(nodes.add("MatMul", [vector, f"{ENCODER}.weight"], f"{ENCODER}/scores"))
    total = parts[0]
    for number, part in enumerate(parts[1:], start=2):
        total = nodes.add("Add", [total, part], f"sum/{number}")
    nodes.add("Add", [total, "bias"], SCORES)
    if not classifier.several and classifier.temperature is not None:
        scaled = nodes.add("Div", [SCORES, TEMPERATURE], "scaled")
        nodes.add("LogSoftmax", [scaled], LOG_PROBABILITIES, axis=1)
    return nodes.made


def _bag(nodes: _Nodes, kind: BagKind) -> str:
    """Scores of shape (rows, classes) that one bag gives."""
    columns, counts = columns_input(kind), counts_input(kind)
    zero, one, axis = (f"{CONSTANTS}{name}" for name in ("zero", "one", "axis"))

    def add(operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        return nodes.add(operator, inputs, f"{kind}/{name}", **attributes)

    present = add("Greater", [counts, zero], "present")
    logs = add("Log", [add("Max", [counts, one], "at_least_one")], "log")
    frequency = add("Where", [present, add("Add", [logs, one], "sublinear"), zero], "frequency")
    values = add("Mul", [frequency, add("Gather", [f"{kind}.idf", columns], "idf")], "values")
    squares = add("ReduceSum", [add("Mul", [values, values], "squares"), axis], "sum", keepdims=1)
    length = add("Sqrt", [squares], "length")
    divisor = add("Where", [add("Greater", [length, zero], "is_long"), length, one], "divisor")
    scaled = add("Unsqueeze", [add("Div", [values, divisor], "scaled"), axis], "row")
    weights = add("Gather", [f"{kind}.weight", columns], "weights", axis=0)
    return add("Squeeze", [add("MatMul", [scaled, weights], "product"), axis], "scores")
