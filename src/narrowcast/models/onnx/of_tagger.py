"""The file of a tagger in parts: the encoder's states, and a linear model on each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from narrowcast.models.encoders.tokens import IDS, MASK
from narrowcast.models.onnx.content import ENCODER_PREFIX, Content, encoder_reading
from narrowcast.models.onnx.layout import LOG_PROBABILITIES, Origin, TaggerDescription
from narrowcast.models.taggers.files import tables_of
from narrowcast.models.taggers.tagger import SURFACE
from narrowcast.models.taggers.tags import tag_names

if TYPE_CHECKING:
    from narrowcast.models.taggers.trained import TrainedTagger

STATES = "states"
_OF_THE_MODULE = "surface.weight"


def tagger_content(trained: TrainedTagger, origin: Origin) -> Content:
    """See `narrowcast.models.onnx.content.Content`."""
    from narrowcast.models.encoders.encoder import tokenizer_text

    tagger, encoder, tables = trained.tagger, trained.encoder, tables_of(trained.tagger)
    surface = {_OF_THE_MODULE: tables.pop(_OF_THE_MODULE)}

    def trace() -> Any:
        from narrowcast.models.onnx.encoder_graph import traced_graph

        return traced_graph(trained.module, [IDS, MASK, SURFACE], STATES, encoder.folder)

    return Content(
        description=TaggerDescription(
            run_id=origin.run_id,
            base=origin.base,
            tags=tag_names(tagger.kinds),
            encoder=encoder_reading(encoder),
        ),
        tokenizer=tokenizer_text(encoder.folder),
        tables=tables,
        traced=encoder.tables(ENCODER_PREFIX) | surface,
        nodes=_nodes(),
        trace=trace,
    )


def _nodes() -> list[Any]:
    """From the states to the outputs."""
    from onnx import helper

    return [
        helper.make_node("MatMul", [STATES, "encoder.weight"], ["product"], name="product"),
        helper.make_node("Add", ["product", "bias"], ["scores"], name="scores"),
        helper.make_node("LogSoftmax", ["scores"], [LOG_PROBABILITIES], name=LOG_PROBABILITIES, axis=2),
    ]
