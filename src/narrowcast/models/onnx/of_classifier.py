"""The file of a classifier in parts: the encoder's vector, a linear model on it and on bags of n-grams."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from narrowcast.models.classifiers.files import describe, tables_of
from narrowcast.models.encoders.tokens import IDS, MASK
from narrowcast.models.onnx.content import ENCODER_PREFIX, Content, encoder_reading
from narrowcast.models.onnx.layout import OnnxDescription, Origin, columns_input, counts_input
from narrowcast.models.onnx.linear_graph import TEMPERATURE, constants, linear_nodes

if TYPE_CHECKING:
    from narrowcast.models.classifiers.linear import LinearClassifier
    from narrowcast.models.classifiers.loading import TrainedClassifier
    from narrowcast.models.encoders.encoder import Encoder

VECTOR = "vector"


def classifier_content(trained: TrainedClassifier, origin: Origin) -> Content:
    """See `narrowcast.models.onnx.content.Content`."""
    from narrowcast.models.encoders.encoder import tokenizer_text

    classifier, encoder = trained.classifier, trained.encoder
    parts = describe(classifier)
    return Content(
        description=OnnxDescription(
            run_id=origin.run_id,
            base=origin.base,
            classes=parts.classes,
            several=parts.several,
            temperature=parts.temperature,
            ngrams=parts.ngrams,
            encoder=encoder_reading(encoder) if encoder else None,
        ),
        tokenizer=tokenizer_text(encoder.folder) if encoder else None,
        tables=classifier_tables(classifier) | (constants() if classifier.bags else {}),
        traced=encoder.tables(ENCODER_PREFIX) if encoder else {},
        nodes=linear_nodes(classifier, VECTOR if encoder else None),
        inputs=bag_inputs(classifier),
        trace=encoder_tracer(encoder) if encoder else None,
    )


def classifier_tables(classifier: LinearClassifier) -> dict[str, Any]:
    """Name to array: `bias`, `KIND.weight`, `KIND.idf`, and the temperature."""
    import numpy as np

    tables = tables_of(classifier)
    if classifier.several or classifier.temperature is None:
        return tables
    return tables | {TEMPERATURE: np.array(classifier.temperature, dtype=np.float32)}


def encoder_tracer(encoder: Encoder) -> Callable[[], Any]:
    """Makes the graph from tokens to the vector."""

    def trace() -> Any:
        from narrowcast.models.onnx.encoder_graph import traced_graph

        return traced_graph(encoder.module, [IDS, MASK], VECTOR, encoder.folder)

    return trace


def bag_inputs(classifier: LinearClassifier) -> list[Any]:
    """Columns and counts of each bag."""
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
