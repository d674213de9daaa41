"""Options of the two measuring stages. Stated once; CLI, API and configuration read them here."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from narrowcast.core.metric import Gate
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.request import CommandLine
from narrowcast.core.stage import StageOptions

_GATE = re.compile(r"\s*(\S.*?)\s*(>=|<=)\s*([-+.\deE]+)\s*")


def read_gate(value: Any) -> Any:
    """`macro_f1>=0.9` as a gate; a value that is not text is left to validation.

    Raises:
        ValueError: for a text of another form.
    """
    if not isinstance(value, str):
        return value
    match = _GATE.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is not a gate; write METRIC>=NUMBER or METRIC<=NUMBER")
    metric, sign, threshold = match.groups()
    operator = "gte" if sign == ">=" else "lte"
    gate_id = re.sub(r"\s*([<>]=)\s*", r"\1", value.strip())
    return {
        "gate_id": gate_id,
        "metric": metric,
        "operator": operator,
        "threshold": threshold,
        "required": True,
    }


class MeasureOptions(StageOptions):
    """What `baseline` and `evaluate` share."""

    split: Literal["dev", "test", "golden"] = "test"
    """Held-out split to measure on; each access to test or golden rows is counted."""
    limit: Annotated[int | None, CommandLine("--rows", "--limit")] = Field(None, ge=1)
    """Measure on N rows drawn with the seed; by default on all."""
    seed: int = 0
    """Seed of the drawn rows, the shots and the bootstrap."""
    samples: int = Field(1000, ge=100)
    """Draws of the groups of rows, for the interval of a difference."""
    max_tokens: int = Field(256, ge=1)
    """Maximum length of an answer, in tokens."""
    base: str = ""
    """Base model behind `base` and `base-few-shot`; by default that of the train stage."""
    shots: int = Field(8, ge=1)
    """Maximum number of shots, the examples in the prompt of `base-few-shot`."""
    reuse: bool = True
    """Reuse stored predictions of the same weights on the same prompts."""


class BaselineOptions(MeasureOptions):
    """The baselines."""

    models: list[ModelRef] | None = None
    """Model references such as tfidf, svm, encoder:minilm, base; by default all that suit the task."""


class EvaluateOptions(MeasureOptions):
    """Trained or exported models, measured, gated and compared."""

    models: Annotated[list[ModelRef] | None, CommandLine(positional=True, metavar="MODEL")] = None
    """Model references such as run:exp-0123456789 or gguf:q8_0; by default the current run."""
    against: list[ModelRef] | None = None
    """Models to compare with on the same rows; by default the measured baselines."""
    gates: list[Annotated[Gate, BeforeValidator(read_gate)]] | None = None
    """Release gates, such as macro_f1>=0.9; by default those of the task."""


class VerifyOptions(EvaluateOptions):
    """The files of the bundle, measured like the model that they were made from."""

    models: list[ModelRef] | None = None
    """Model references; by default the quantised files of the current bundle."""
