"""The file of an extractor in parts: the scores of closed fields, and those of the tags of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from narrowcast.models.extractors.files import TAG_BIAS, TAG_WEIGHT, describe, word_tagger
from narrowcast.models.onnx.content import ENCODER_PREFIX, Content, encoder_reading
from narrowcast.models.onnx.layout import WORD_FEATURES, WORD_PRESENT, ExtractorFile, Origin
from narrowcast.models.onnx.linear_graph import constants, linear_nodes, word_nodes
from narrowcast.models.onnx.of_classifier import VECTOR, bag_inputs, classifier_tables, encoder_tracer

if TYPE_CHECKING:
    from narrowcast.models.extractors.trained import TrainedExtractor


def extractor_content(trained: TrainedExtractor, origin: Origin) -> Content:
    """See `narrowcast.models.onnx.content.Content`."""
    from narrowcast.models.encoders.encoder import tokenizer_text

    extractor, encoder = trained.extractor, trained.encoder
    classifier, tagger, parts = extractor.classifier, word_tagger(extractor), describe(extractor)
    tables: dict[str, Any] = constants() if tagger or (classifier and classifier.bags) else {}
    nodes, inputs = [], []
    if classifier is not None:
        tables |= classifier_tables(classifier)
        nodes += linear_nodes(classifier, VECTOR if encoder else None)
        inputs += bag_inputs(classifier)
    if tagger is not None:
        tables |= {TAG_WEIGHT: tagger.weight, TAG_BIAS: tagger.bias}
        nodes += word_nodes()
        inputs += _word_inputs()
    return Content(
        description=ExtractorFile(
            run_id=origin.run_id,
            base=origin.base,
            answer=parts.fields_,
            ngrams=parts.ngrams,
            tags=parts.tags,
            features=parts.features,
            encoder=encoder_reading(encoder) if encoder else None,
        ),
        tokenizer=tokenizer_text(encoder.folder) if encoder else None,
        tables=tables,
        traced=encoder.tables(ENCODER_PREFIX) if encoder else {},
        nodes=nodes,
        inputs=inputs,
        trace=encoder_tracer(encoder) if encoder else None,
    )


def _word_inputs() -> list[Any]:
    from onnx import TensorProto, helper

    shape = ["all_words", "word_features"]
    kinds = ((WORD_FEATURES, TensorProto.INT64), (WORD_PRESENT, TensorProto.FLOAT))
    return [helper.make_tensor_value_info(name, kind, shape) for name, kind in kinds]
