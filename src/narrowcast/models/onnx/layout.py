"""What stands where in an exported classifier: inputs, outputs, tables, metadata (`docs/onnx.md`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from narrowcast.models.classifiers.files import describe
from narrowcast.models.classifiers.ngrams import BagKind
from narrowcast.models.credit import BaseCredit
from narrowcast.models.encoders.tokens import Reading

if TYPE_CHECKING:
    from narrowcast.models.classifiers.linear import LinearClassifier
    from narrowcast.models.classifiers.loading import TrainedClassifier

FORMAT = "onnx"
OPSET = 20
IR_VERSION = 10

DESCRIPTION = "narrowcast"
"""Metadata key of an `OnnxDescription` in JSON."""
TOKENIZER = "tokenizer.json"
"""Metadata key of the encoder's tokenizer, in the JSON of the library `tokenizers`."""
TRACED_WITH = "traced_with"
"""Metadata key of the versions by which the encoder's computation was written."""
IDS, MASK = "input_ids", "attention_mask"
SCORES, LOG_PROBABILITIES = "scores", "log_probabilities"
TEMPERATURE = "temperature"
ENCODER_PREFIX = "transformer."
"""What the names of the encoder's tables begin with; the rest is what its own file calls them."""


def columns_input(kind: BagKind) -> str:
    """Name of the input with the columns of a text's n-grams."""
    return f"{kind}_columns"


def counts_input(kind: BagKind) -> str:
    """Name of the input with how often each occurs."""
    return f"{kind}_counts"


class EncoderReading(BaseModel):
    """What is done to a text before it is tokenised."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(description="Stands before each text; mostly nothing.")
    lowered: bool = Field(description="Prompt and text are put in lower case.")
    longest: int = Field(ge=1, description="Tokens that are read; the rest is cut by the tokenizer.")

    def reading(self) -> Reading:
        """The same for the code that tokenises."""
        return Reading(self.prompt, self.lowered, self.longest)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file comes from: the training run, and the base of it where there was one."""

    run_id: str
    base: BaseCredit | None = None


class OnnxDescription(BaseModel):
    """Everything about the file but the tables."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["narrowcast/classifier/1"] = "narrowcast/classifier/1"
    run_id: str = Field(description="The training run.")
    base: BaseCredit | None = Field(description="Null where there is no encoder.")
    classes: list[str] = Field(min_length=1, description="By column of the outputs.")
    several: bool = Field(description="The answer is every class with a score above 0, not the best one.")
    temperature: float | None = Field(description="Scores are divided by it; null: no probabilities.")
    ngrams: dict[BagKind, list[str]] = Field(description="Vocabulary of each bag, by column.")
    encoder: EncoderReading | None = Field(description="Null where no encoder is among the features.")

    @property
    def gives_probabilities(self) -> bool:
        """The file has the output `log_probabilities`."""
        return not self.several and self.temperature is not None

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs."""
        tokens = [IDS, MASK] if self.encoder else []
        return tokens + [name(kind) for kind in self.ngrams for name in (columns_input, counts_input)]

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs."""
        return [SCORES, LOG_PROBABILITIES] if self.gives_probabilities else [SCORES]


def description_of(trained: TrainedClassifier, origin: Origin) -> OnnxDescription:
    """The description of a trained classifier."""
    from narrowcast.models.encoders.encoder import reading_of

    parts, encoder = describe(trained.classifier), None
    if trained.encoder is not None:
        reading = reading_of(trained.encoder.folder)
        encoder = EncoderReading(prompt=reading.prompt, lowered=reading.lowered, longest=reading.longest)
    return OnnxDescription(
        run_id=origin.run_id,
        base=origin.base,
        classes=parts.classes,
        several=parts.several,
        temperature=parts.temperature,
        ngrams=parts.ngrams,
        encoder=encoder,
    )


def metadata_of(trained: TrainedClassifier, origin: Origin) -> dict[str, str]:
    """The metadata of the file of a trained classifier."""
    from narrowcast.models.encoders.encoder import tokenizer_text

    metadata = {DESCRIPTION: json.dumps(description_of(trained, origin).model_dump(mode="json"))}
    if trained.encoder is None:
        return metadata
    return metadata | {TOKENIZER: tokenizer_text(trained.encoder.folder)}


def read_description(metadata: dict[str, str]) -> OnnxDescription:
    """The description in a file's metadata.

    Raises:
        ValueError: says what is wrong with it.
    """
    if DESCRIPTION not in metadata:
        raise ValueError("it is not a classifier that narrowcast exported")
    try:
        description = OnnxDescription.model_validate_json(metadata[DESCRIPTION])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"its metadata is damaged: {place}: {first['msg']}") from error
    if len(set(description.classes)) < len(description.classes):
        raise ValueError("its metadata is damaged: a class is named twice")
    if description.encoder is not None and TOKENIZER not in metadata:
        raise ValueError(f"its metadata is damaged: {TOKENIZER} is missing")
    return description


def classifier_tables(classifier: LinearClassifier) -> dict[str, Any]:
    """Name to array, of the linear model: `bias`, `KIND.weight`, `KIND.idf`, and the temperature."""
    import numpy as np

    from narrowcast.models.classifiers.files import tables_of

    tables = tables_of(classifier)
    if classifier.several or classifier.temperature is None:
        return tables
    return tables | {TEMPERATURE: np.array(classifier.temperature, dtype=np.float32)}
