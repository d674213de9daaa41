"""Options of the two measuring stages. Stated once; CLI, API and configuration read them here."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from narrowcast.core.metric import Gate
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.request import CommandLine
from narrowcast.core.stage import NEEDS_YES, NEEDS_YES_IF
from narrowcast.teacher.options import SpendingOptions

_ASKING: dict[str, Any] = {
    NEEDS_YES: "names a model that needs your yes",
    NEEDS_YES_IF: "narrowcast.models.predictors.load:that_ask",
}
"""Mark of lists of models."""

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


class MeasureOptions(SpendingOptions):
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
    """Maximum number of shots in a prompt of `base-few-shot`, `base-retrieval` and `endpoint`."""
    reuse: bool = True
    """Reuse stored predictions of the same weights on the same prompts."""
    send_held_out: bool = Field(False, json_schema_extra={NEEDS_YES: "sends held-out rows to an endpoint"})
    """Let the models `endpoint:MODEL` see the held-out rows, which are sent to NARROWCAST_TEACHER_URL."""

    def identity(self) -> dict[str, Any]:
        """Without what only decides whether an endpoint may be asked, and what that may cost."""
        return self.model_dump(mode="json", exclude={"send_held_out", *SpendingOptions.model_fields})


class BaselineOptions(MeasureOptions):
    """The baselines."""

    models: list[ModelRef] | None = Field(None, json_schema_extra=_ASKING)
    """Model references such as svm, encoder:minilm, rules:FILE.py; by default all that suit the task."""
    budget_minutes: float = Field(30.0, gt=0)
    """Without --models: minutes for all baselines; one that would not fit by its first rows is only named."""


class EvaluateOptions(MeasureOptions):
    """Trained or exported models, measured, gated and compared."""

    models: Annotated[list[ModelRef] | None, CommandLine(positional=True, metavar="MODEL")] = Field(
        None, json_schema_extra=_ASKING
    )
    """Model references such as run:exp-0123456789 or gguf:q8_0; by default the current run."""
    against: list[ModelRef] | None = Field(None, json_schema_extra=_ASKING)
    """Models to compare with on the same rows; by default the measured baselines."""
    gates: list[Annotated[Gate, BeforeValidator(read_gate)]] | None = None
    """Release gates, such as macro_f1>=0.9; by default those of the task."""


class VerifyOptions(EvaluateOptions):
    """The files of the bundle, measured like the model that they were made from."""

    models: list[ModelRef] | None = Field(None, json_schema_extra=_ASKING)
    """Model references; by default the quantised files of the current bundle."""
