"""The contract of a task: one handler builds the prompts of training, evaluation and serving, and scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from narrowcast.core.example import Example, Target
from narrowcast.core.message import Message
from narrowcast.core.metric import Gate
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks.row_shape import RowShape


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
class Deciding:
    """Which rows decide a metric, where not every row does or where it is a mean over classes.

    Attributes:
        codes: integers of shape (rows,): the part a row belongs to, -1 where it says nothing of the metric;
            or booleans of shape (rows, parts), where a row may belong to several.
        parts: names of the parts, such as labels, each of which weighs the same; empty where there are none.
    """

    codes: Any
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sums:
    """Metrics that follow from sums over rows, so that many draws of the rows are scored together.

    Attributes:
        table: of shape (rows, columns), an array or a sparse array of scipy: what each row adds.
        metrics: from sums of shape (draws, columns) to arrays of shape (draws,), by name; NaN where a metric
            is undefined.
    """

    table: Any
    metrics: Callable[[Any], dict[str, Any]]

    def over(self, rows: Any) -> dict[str, float]:
        """The metrics over the given row numbers, with repetition."""
        metrics = self.metrics(self.table[rows].sum(axis=0)[None, :])
        return {name: float(value[0]) for name, value in metrics.items()}


@dataclass(frozen=True, slots=True)
class TaskScores:
    """What `score` returns.

    Attributes:
        primary: name of the metric that decides.
        metrics: point estimates, by name; the field's standard names.
        rows: one outcome per example, in order.
        resample: metrics over the given row numbers (with repetition), for the bootstrap; the array
            holds integers below the number of rows. `resample(arange(n))` equals `metrics`.
        details: what pictures need, plain values (confusion matrix, per-class scores).
        deciding: by metric, the rows that decide it; all rows decide a metric that is not named.
        open_ended: metrics that are no shares from 0 to 1, such as a margin in nats.
        limits: of such metrics the least and the largest possible value, where there are; no interval goes
            beyond them.
        sums: the same metrics as `resample`, for many draws together; None: draws are scored one by one.
    """

    primary: str
    metrics: dict[str, float]
    rows: list[RowOutcome]
    resample: Callable[[Any], dict[str, float]]
    details: dict[str, Any] = field(default_factory=dict)
    deciding: Mapping[str, Deciding] = field(default_factory=dict)
    open_ended: frozenset[str] = frozenset()
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    sums: Sums | None = None


class TaskHandler(ABC):
    """A task: five methods, and what it declares about itself. Built from a `TaskSpec`: `Handler(spec)`."""

    answer: AnswerKind
    """What the answers are. Required; a handler may narrow it in `__init__` by its specification."""
    family: ClassVar[str] = ""
    """Built-in task whose rows this one takes, so that its mappers fit; empty: none but its own."""
    default_instruction: str = ""
    """System prompt where the specification names none."""
    learned_turns: Literal["last", "all"] = "last"
    """Turns of the assistant that carry loss in training: the answer, or every turn of the conversation."""
    lora_rank: int | None = None
    """Rank of adapters that suits the task; None decides by the number of rows."""
    request_fields: ClassVar[frozenset[str]] = frozenset()
    """Inputs beside the conversation that a request to a served model may carry."""

    def __init__(self, spec: TaskSpec) -> None:
        self.spec = spec

    @abstractmethod
    def check(self, example: Example) -> str | None:
        """The reason code why an example cannot serve this task, or None."""

    @abstractmethod
    def to_messages(self, inputs: Mapping[str, Any], target: Target | None = None) -> list[Message]:
        """The conversation; with a target it ends in the assistant's turn that is to be learned."""

    @abstractmethod
    def parse(self, text: str) -> Parsed:
        """Read a model's answer."""

    @abstractmethod
    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> TaskScores:
        """Compare answers with targets; sequences of equal length."""

    @abstractmethod
    def default_gates(self) -> list[Gate]:
        """Release gates where the project names none."""

    def request_inputs(
        self,
        messages: list[dict[str, Any]],
        fields: Mapping[str, Any],
        measured: Mapping[str, bool],  # noqa: ARG002 - for tasks with fields
    ) -> dict[str, Any]:
        """The inputs that a request to a served model stands for.

        Args:
            messages: the conversation, as `{"role", "content"}`.
            fields: those of `request_fields` that the request has.
            measured: inputs of the rows that were measured, and whether every row had them; may be empty.

        Raises:
            ValueError: with the reason, where no such row was measured.
        """
        return {"messages": messages, **fields}

    def spans_in_turn(
        self,
        turn: str,  # noqa: ARG002 - for tasks whose answers are spans
        inputs: Mapping[str, Any],  # noqa: ARG002
        target: Target,  # noqa: ARG002
    ) -> list[tuple[str, int, int]] | None:
        """The spans that an answer consists of: kind, begin and end in the rendered turn of the user.

        None where that turn does not show them, by default always; such rows teach no tagger.
        """
        return None

    def calls_in(self, text: str) -> list[dict[str, Any]]:  # noqa: ARG002 - for tasks that answer with calls
        """The calls `{"name", "arguments"}` that an answer consists of; none for an answer in words."""
        return []

    def metric_names(self, examples: Sequence[Example]) -> list[str]:
        """Every metric that `score` can give on these rows: a misspelt gate is found before any answer.

        By default those of empty answers.
        """
        return list(self.score(examples, [Prediction("") for _ in examples]).metrics)

    @property
    def instruction(self) -> str:
        """System prompt: the specification's, otherwise the task's own."""
        return self.spec.instruction or self.default_instruction

    @property
    def baselines(self) -> tuple[str, ...]:
        """Model references that `narrowcast baseline` measures where none is named."""
        return _BASELINES[self.answer]

    def row_shape(self) -> RowShape | None:
        """How rows of the task are written when a teacher generates them; None: they cannot be generated."""
        return None


# No linear model writes free text, and only a language model can prefer one of two answers.
_PROMPTED = ("base", "base-few-shot")
_ON_TEXT = ("majority", "tfidf", "svm", "encoder:minilm", "encoder-svm:minilm")
_BASELINES: dict[AnswerKind, tuple[str, ...]] = {
    AnswerKind.LABEL: (*_ON_TEXT, "nearest:minilm", *_PROMPTED),
    AnswerKind.LABELS: (*_ON_TEXT, *_PROMPTED),
    AnswerKind.FIELDS: (*_ON_TEXT, "crf", *_PROMPTED),
    AnswerKind.SPANS: ("majority", "tfidf", "crf", *_PROMPTED),
    AnswerKind.TEXT: ("majority", *_PROMPTED),
    AnswerKind.CALLS: ("majority", *_PROMPTED),
    AnswerKind.PREFERENCE: _PROMPTED,
    AnswerKind.NONE: (),
}
