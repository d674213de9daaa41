"""The computation of a sentence encoder as an ONNX graph, by torch's exporter.

The graph is taken as it is traced, without the exporter's own rewriting: its tables then have the names and
the bytes of the encoder's file, and can be compared with it. Runtimes optimise when they load.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from narrowcast.errors import ModelError
from narrowcast.faults import first_line
from narrowcast.models.encoders.folder import EncoderFolder
from narrowcast.models.onnx.layout import OPSET
from narrowcast.version import __version__

_SHAPE = (2, 7)  # of what is traced: sizes of 1 would be taken as fixed


def traced_graph(module: Any, inputs: Sequence[str], output: str, folder: EncoderFolder) -> Any:
    """A graph (`onnx.GraphProto`) without outputs that computes a module on an encoder.

    Args:
        module: takes integers of shape (rows, tokens) in the order of the inputs.
        inputs: their names.
        output: name of what it gives.
        folder: of the encoder, for messages.

    Raises:
        ModelError: for an architecture that cannot be traced.
    """
    import torch

    sizes = {0: torch.export.Dim("rows"), 1: torch.export.Dim("tokens")}
    # A tensor for each: one and the same would be traced as one input.
    given = tuple(torch.ones(_SHAPE, dtype=torch.long) for _ in inputs)
    try:
        with torch.inference_mode(), _quiet():
            program = torch.onnx.export(
                module,
                given,
                dynamo=True,
                dynamic_shapes=tuple(sizes for _ in inputs),
                input_names=list(inputs),
                output_names=[output],
                opset_version=OPSET,
                optimize=False,
                verbose=False,
            )
    except MemoryError:
        raise
    except Exception as error:  # the library raises what the model's code does
        raise ModelError(
            f"the encoder cannot be written as ONNX: {first_line(error)}",
            where=f"{folder.path} ({folder.architecture})",
            next_command="narrowcast train --method linear --features words,characters",
            reason_code="export_format_unsuited",
        ) from error
    assert program is not None
    model = program.model_proto
    if model.functions:
        raise AssertionError(f"the encoder's graph calls functions: {model.functions[0].name}")
    del model.graph.output[:]
    _without_notes(model.graph)
    return model.graph


def versions() -> str:
    """Of what a graph follows from."""
    libraries = ("onnxscript", "torch", "transformers")
    return ", ".join(
        [f"narrowcast {__version__}", *(f"{name} {metadata.version(name)}" for name in libraries)]
    )


def _without_notes(graph: Any) -> None:
    """Without what the exporter notes of each node: lines of code with the paths of this machine."""
    del graph.metadata_props[:]
    for part in (graph.node, graph.initializer, graph.value_info, graph.input, graph.output):
        for each in part:
            del each.metadata_props[:]
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    _without_notes(inner)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's warnings, which speak of its own code; errors are raised."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)
