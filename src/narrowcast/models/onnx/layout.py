"""What is where in an exported classifier or tagger: inputs, outputs, metadata (`docs/onnx.md`)."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from narrowcast.models.classifiers.ngrams import BagKind
from narrowcast.models.credit import BaseCredit
from narrowcast.models.encoders.tokens import IDS, MASK, Reading
from narrowcast.models.extractors.files import FieldDescription
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
SCORES, LOG_PROBABILITIES, TAG_SCORES = "scores", "log_probabilities", "tag_scores"
WORD_FEATURES, WORD_PRESENT = "word_features", "word_present"
Shape = tuple[str | int, ...]
"""Of an output: names of what varies, and the number of columns."""


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

    @property
    def shapes(self) -> dict[str, Shape]:
        """Of each output."""
        return {name: ("rows", len(self.classes)) for name in self.outputs}

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

    @property
    def shapes(self) -> dict[str, Shape]:
        """Of each output."""
        return {LOG_PROBABILITIES: ("rows", "tokens", len(self.tags))}

    def fault(self) -> str:
        """What is wrong with it in itself; empty where nothing is."""
        ours = self.tags == tag_names(self.kinds) and len(set(self.kinds)) == len(self.kinds)
        return "" if ours else "the tags are not O, B-KIND, I-KIND of different kinds"


class ExtractorFile(BaseModel):
    """Everything about the file of an extractor but the tables."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["narrowcast/extractor/1"] = "narrowcast/extractor/1"
    run_id: str = Field(description="The training run.")
    base: BaseCredit | None = Field(description="Null where there is no encoder.")
    answer: list[FieldDescription] = Field(
        description="Fields, in the order of the answer; none: the answer is the spans by kind."
    )
    ngrams: dict[BagKind, list[str]] = Field(description="Vocabulary of each bag, by column.")
    tags: list[str] = Field(description="Of words, by column; none: nothing is copied.")
    features: list[str] = Field(description="Of words, by row of the weights of tags.")
    encoder: EncoderReading | None = Field(description="Null where no encoder is among the features.")

    @property
    def columns(self) -> int:
        """Of scores: those of each field with two or more values."""
        return sum(len(each.values) for each in self.answer if len(each.values) > 1)

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs."""
        tokens = [IDS, MASK] if self.encoder else []
        bags = [name(kind) for kind in self.ngrams for name in (columns_input, counts_input)]
        return tokens + bags + ([WORD_FEATURES, WORD_PRESENT] if self.tags else [])

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs."""
        return [*self.shapes]

    @property
    def shapes(self) -> dict[str, Shape]:
        """Of each output."""
        scores: dict[str, Shape] = {SCORES: ("rows", self.columns)} if self.columns else {}
        return scores | ({TAG_SCORES: ("all_words", len(self.tags))} if self.tags else {})

    def fault(self) -> str:
        """What is wrong with it in itself; empty where nothing is."""
        names = [each.name for each in self.answer]
        if len(set(names)) < len(names):
            return "a field is named twice"
        if any(len(set(each)) < len(each) for each in (*self.ngrams.values(), self.features, self.tags)):
            return "an n-gram, a feature or a tag is listed twice"
        if any(not each.values and not self.tags for each in self.answer):
            return "a field is copied, and there are no tags"
        if any(tag != "O" and tag[:2] not in ("B-", "I-") for tag in self.tags):
            return "the tags are not O, B-KIND, I-KIND"
        return (
            ""
            if bool(self.columns) == bool(self.ngrams or self.encoder)
            else "fields and features do not fit"
        )


Description = OnnxDescription | TaggerDescription | ExtractorFile


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


def _model_of(text: str) -> type[OnnxDescription] | type[TaggerDescription] | type[ExtractorFile]:
    """By the format that it names; whatever else is wrong with the text is found when it is read."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return OnnxDescription
    named = str(value.get("format")) if isinstance(value, dict) else ""
    if named.startswith("narrowcast/tagger/"):
        return TaggerDescription
    return ExtractorFile if named.startswith("narrowcast/extractor/") else OnnxDescription
