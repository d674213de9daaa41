"""The contract of whatever answers: batch in, predictions out; and of what builds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from narrowcast.core.message import Message
from narrowcast.core.names import AnswerKind
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.core.work import Work
from narrowcast.teacher.budget import DEFAULT_CAPS, Caps
from narrowcast.teacher.settings import Price


class Predictor(Protocol):
    """A loaded model. Used as a context manager; `close` ends processes and frees memory.

    It may have a `note` for reports, and one whose factory asks has `evidence`: plain values for the event.

    Attributes:
        name: how reports call it.
        size_bytes: weights on disk, None where there are none.
    """

    name: str
    size_bytes: int | None

    def predict(self, requests: Sequence[PromptRequest]) -> list[Prediction]:
        """One prediction per request, in order.

        Raises:
            ModelError: if the model fails; never a stand-in answer.
        """

    def close(self) -> None:
        """Free what the predictor holds."""

    def __enter__(self) -> Self:
        """The predictor itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """A training row as models see it: the rendered prompt, and the answer's text.

    Models know nothing of tasks, so the caller renders through the task handler.

    Attributes:
        group: rows of one group are kept together where a model divides its rows; empty where there is none.
        spans: of a task that asks for them: the kind of each, and where it begins and ends in `text`.
    """

    messages: tuple[Message, ...]
    target: str
    group: str = ""
    spans: tuple[tuple[str, int, int], ...] = ()

    @property
    def text(self) -> str:
        """The last user turn."""
        return next((each.content for each in reversed(self.messages) if each.role == "user"), "")


@dataclass(frozen=True, slots=True)
class PredictorContext:
    """What a factory may use.

    Attributes:
        project: the project's paths, for `run:`, `gguf:` and `onnx:`.
        settings: offline or not, workspace.
        task: labels and output schema.
        answer: kind of the task's answers, as its handler declares it.
        base: the base model as named in the project (`embedded`, a catalogue name, a folder, a Hub id).
        train: reads the rows of the train split, rendered; never rows of another split.
        train_sha256: hash of those rows, for fingerprints.
        seed: for whatever draws.
        shots: at most this many examples in a prompt.
        caps, price: of what an endpoint is asked.
        run_id: of the measurement, under which what it spends is counted.
        work: shows how far fitting is, and stops it.
        shared: what predictors of one measurement compute once for all of them, such as the vectors of the
            train rows; never anything of the rows that are measured.
    """

    project: ProjectPaths
    settings: Settings
    task: TaskSpec
    answer: AnswerKind
    base: str
    train: Callable[[], Sequence[TrainingPair]]
    train_sha256: str = ""
    seed: int = 0
    shots: int = 8
    caps: Caps = DEFAULT_CAPS
    price: Price | None = None
    run_id: str = ""
    work: Work = field(default_factory=Work)
    shared: dict[str, Any] = field(default_factory=dict)


def fitted_on_train(context: PredictorContext, argument: str) -> Mapping[str, object]:  # noqa: ARG001
    """The content of a predictor that is fitted on the train split."""
    return {"train": context.train_sha256, "seed": context.seed}


def no_run(project: ProjectPaths, argument: str) -> str | None:  # noqa: ARG001
    """Of a predictor that answers without a trained run of the project."""
    return None


@dataclass(frozen=True, slots=True)
class Ask:
    """What a model does that nobody but the user may decide.

    Attributes:
        what: it does, in words that follow its reference.
        option: of a measurement, says yes; empty: naming the model on the command line does.
        event: reason code of the event that tells of it, with the `evidence` of the predictor.
    """

    what: str
    option: str
    event: str

    @property
    def flag(self) -> str:
        """The option as it is written behind a command."""
        return f" --{self.option.replace('_', '-')}" if self.option else ""


RUNS_CODE = Ask("runs the code of a file", "", "model_code_run")
SENDS_ROWS = Ask("sends held-out rows to an endpoint", "send_held_out", "model_rows_sent")


@dataclass(frozen=True, slots=True)
class PredictorFactory:
    """What the registry holds: how predictors of one name are built, and what their answers depend on."""

    load: Callable[[PredictorContext, str], Predictor]
    """Builds a predictor from the context and the argument of the reference; the caller closes it.

    Raises:
        ModelError: if the model cannot be loaded; never another model in its place.
    """
    argument: str = ""
    """What stands after the colon, in words; empty: the name takes no argument."""
    content: Callable[[PredictorContext, str], Mapping[str, object]] = fitted_on_train
    """What the answers depend on besides prompt and argument, such as the hash of weights. Loads no model."""
    by_content: bool = False
    """The content alone decides: the argument only names where it is."""
    run: Callable[[ProjectPaths, str], str | None] = no_run
    """The training run whose weights answer, where it is one of the project."""
    reads_inputs: bool = False
    """The answers depend on the inputs of a row, not on the messages that are made of them alone."""
    asks: Ask | None = None
    """What the user has to say yes to before it answers."""
