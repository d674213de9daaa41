"""The contract of a task: one handler builds the prompts of training, evaluation and serving, and scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from narrowcast.core.example import Example, Target
from narrowcast.core.message import Message
from narrowcast.core.metric import Gate
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec


@dataclass(frozen=True, slots=True)
class Parsed:
    """A model's text read as an answer: `value`, or the reason why it is none."""

    value: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """How one row went; the failures among these are what the report shows."""

    example_id: str
    correct: bool
    expected: Any
    predicted: Any
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TaskScores:
    """What `score` returns.

    Attributes:
        primary: name of the metric that decides.
        metrics: point estimates, by name; the field's standard names.
        rows: one outcome an example, in order.
        resample: metrics over the given row numbers (with repetition), for the bootstrap; the array
            holds integers below the number of rows. `resample(arange(n))` equals `metrics`.
        details: what pictures need, plain values (confusion matrix, per-class scores).
    """

    primary: str
    metrics: dict[str, float]
    rows: list[RowOutcome]
    resample: Callable[[Any], dict[str, float]]
    details: dict[str, Any] = field(default_factory=dict)


class TaskHandler(Protocol):
    """Built from a `TaskSpec`: `Handler(spec)`."""

    spec: TaskSpec

    def check(self, example: Example) -> str | None:
        """The reason code why an example can not serve this task, or None."""

    def to_messages(self, inputs: Mapping[str, Any], target: Target | None = None) -> list[Message]:
        """The conversation; with a target it ends in the assistant's turn that is to be learned."""

    def parse(self, text: str) -> Parsed:
        """Read a model's answer."""

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> TaskScores:
        """Compare answers with targets; sequences of equal length."""

    def default_gates(self) -> list[Gate]:
        """Gates that apply where the project names none."""
