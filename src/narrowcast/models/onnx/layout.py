"""What is where in an exported classifier or tagger: inputs, outputs, metadata (`docs/onnx.md`)."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from narrowcast.models.classifiers.ngrams import BagKind
from narrowcast.models.credit import BaseCredit
from narrowcast.models.encoders.tokens import IDS, MASK, Reading
from narrowcast.models.taggers.tagger import SURFACE
from narrowcast.models.taggers.tags import tag_names

FORMAT = "onnx"
OPSET = 20
IR_VERSION = 10

DESCRIPTION = "narrowcast"
"""Metadata key of an `OnnxDescription` in JSON."""
TOKENIZER = "tokenizer.json"
"""Metadata key of the encoder's tokenizer, in the JSON of the library `tokenizers`."""
TRACED_WITH = "traced_with"
"""Metadata key of the versions by which the encoder's computation was written."""
SCORES, LOG_PROBABILITIES = "scores", "log_probabilities"


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

    axes: ClassVar[int] = 2
    """Of the outputs: rows, classes."""

    @property
    def width(self) -> int:
        """Columns of the outputs."""
        return len(self.classes)

    def fault(self) -> str:
        """What is wrong with it in itself; empty where nothing is."""
        if len(set(self.classes)) < len(self.classes):
            return "a class is named twice"
        if any(len(set(each)) < len(each) for each in self.ngrams.values()):
            return "an n-gram is listed twice"
        known = self.temperature is None or (math.isfinite(self.temperature) and self.temperature > 0)
        return "" if known else "the temperature is not a number above 0"


class TaggerDescription(BaseModel):
    """Everything about the file of a tagger but the tables."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["narrowcast/tagger/1"] = "narrowcast/tagger/1"
    run_id: str = Field(description="The training run.")
    base: BaseCredit | None = Field(description="The encoder that the run began from.")
    tags: list[str] = Field(
        description="By column of the output: O, then B-KIND and I-KIND of each kind of span."
    )
    encoder: EncoderReading

    @property
    def kinds(self) -> list[str]:
        """Of spans."""
        return [tag.removeprefix("B-") for tag in self.tags[1::2]]

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs."""
        return [IDS, MASK, SURFACE]

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs."""
        return [LOG_PROBABILITIES]

    axes: ClassVar[int] = 3
    """Of the output: rows, tokens, tags."""

    @property
    def width(self) -> int:
        """Columns of the output."""
        return len(self.tags)

    def fault(self) -> str:
        """What is wrong with it in itself; empty where nothing is."""
        ours = self.tags == tag_names(self.kinds) and len(set(self.kinds)) == len(self.kinds)
        return "" if ours else "the tags are not O, B-KIND, I-KIND of different kinds"


Description = OnnxDescription | TaggerDescription


def read_description(metadata: dict[str, str]) -> Description:
    """The description in a file's metadata.

    Raises:
        ValueError: says what is wrong with it.
    """
    if DESCRIPTION not in metadata:
        raise ValueError("it is not a classifier that narrowcast exported")
    try:
        description = _model_of(metadata[DESCRIPTION]).model_validate_json(metadata[DESCRIPTION])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"its metadata is damaged: {place}: {first['msg']}") from error
    if fault := description.fault():
        raise ValueError(f"its metadata is damaged: {fault}")
    if description.encoder is not None and TOKENIZER not in metadata:
        raise ValueError(f"its metadata is damaged: {TOKENIZER} is missing")
    return description


def _model_of(text: str) -> type[OnnxDescription] | type[TaggerDescription]:
    """By the format that it names; whatever else is wrong with the text is found when it is read."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return OnnxDescription
    is_tagger = isinstance(value, dict) and str(value.get("format")).startswith("narrowcast/tagger/")
    return TaggerDescription if is_tagger else OnnxDescription
