"""What the file of a model consists of: it is written from this, and compared with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from narrowcast.models.extractors.trained import TrainedExtractor
from narrowcast.models.onnx.layout import DESCRIPTION, TOKENIZER, Description, EncoderReading, Origin
from narrowcast.models.taggers.trained import TrainedTagger

if TYPE_CHECKING:
    from narrowcast.models.encoders.encoder import Encoder
    from narrowcast.models.shipped import TrainedModel

ENCODER_PREFIX = "transformer."
"""What the names of the encoder's tables begin with; the rest is what its own file calls them."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file in parts.

    Attributes:
        description: goes into the metadata.
        tokenizer: goes there as well; None where there is no encoder.
        tables: name to array, of the head.
        traced: name to array, of what `trace` computes with.
        nodes: of the head, in the order in which they are computed; the last ones of the graph.
        inputs: `onnx.ValueInfoProto` of those that the head has besides the encoder's.
        trace: makes the graph of the encoder, without outputs; None where there is no encoder.
    """

    description: Description
    tokenizer: str | None
    tables: Mapping[str, Any]
    traced: Mapping[str, Any]
    nodes: list[Any]
    inputs: list[Any] = field(default_factory=list)
    trace: Callable[[], Any] | None = None

    @property
    def metadata(self) -> dict[str, str]:
        """By key."""
        metadata = {DESCRIPTION: json.dumps(self.description.model_dump(mode="json"))}
        return metadata if self.tokenizer is None else metadata | {TOKENIZER: self.tokenizer}


def content_of(trained: TrainedModel, origin: Origin) -> Content:
    """What the file of a trained model consists of."""
    if isinstance(trained, TrainedTagger):
        from narrowcast.models.onnx.of_tagger import tagger_content

        return tagger_content(trained, origin)
    if isinstance(trained, TrainedExtractor):
        from narrowcast.models.onnx.of_extractor import extractor_content

        return extractor_content(trained, origin)
    from narrowcast.models.classifiers.loading import TrainedClassifier
    from narrowcast.models.onnx.of_classifier import classifier_content

    assert isinstance(trained, TrainedClassifier)
    return classifier_content(trained, origin)


def encoder_reading(encoder: Encoder) -> EncoderReading:
    """How an encoder reads a text, as it is described."""
    from narrowcast.models.encoders.encoder import reading_of

    reading = reading_of(encoder.folder)
    return EncoderReading(prompt=reading.prompt, lowered=reading.lowered, longest=reading.longest)
