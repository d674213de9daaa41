"""Predictor references: the names by which every command asks for something that answers.

    majority                  the most frequent answer of the training rows
    tfidf, tfidf-chars        TF-IDF with a linear model; on words, or words and their parts
    base, base-few-shot       the untuned base model, without and with examples in its prompt
    run:<run id>              a trained model of this project
    gguf:<path or q8_0 ...>   an exported file

A reference is a name of `PREDICTORS`, with what stands behind the colon handed to its factory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from narrowcast.core.message import Message
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.models.predictors.base import Predictor
from narrowcast.plugins.registry import Registry


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """A training row as models see it: the rendered prompt, and the answer's text.

    Models know nothing of tasks, so the caller renders through the task handler.
    """

    messages: tuple[Message, ...]
    target: str

    @property
    def text(self) -> str:
        """The last user turn."""
        return next((each.content for each in reversed(self.messages) if each.role == "user"), "")


@dataclass(frozen=True, slots=True)
class PredictorContext:
    """What a factory may use.

    Attributes:
        project: the project's paths, for `run:` and `gguf:`.
        settings: offline or not, workspace.
        task: labels, output schema, scoring mode.
        base: the base model as named in the project (`embedded`, a catalogue name, a folder, a Hub id).
        train: reads the rows of the train split, rendered; never rows of another split.
        seed: for whatever draws.
        shots: examples in the prompt of `base-few-shot`, at most.
    """

    project: ProjectPaths
    settings: Settings
    task: TaskSpec
    base: str
    train: Callable[[], Sequence[TrainingPair]]
    seed: int = 0
    shots: int = 8


# Called with the context and what stands behind the colon ("" where there is nothing).
PredictorFactory = Callable[[PredictorContext, str], Predictor]

PREDICTORS: Registry[PredictorFactory] = Registry(
    "predictor",
    {
        "majority": "narrowcast.models.predictors.majority:from_train",
        "tfidf": "narrowcast.models.predictors.tfidf:from_train",
        "tfidf-chars": "narrowcast.models.predictors.tfidf:from_train_with_characters",
        "base": "narrowcast.models.predictors.transformers:from_base",
        "base-few-shot": "narrowcast.models.predictors.few_shot:from_base",
        "run": "narrowcast.models.predictors.transformers:from_run",
        "gguf": "narrowcast.models.predictors.llama:from_reference",
    },
)

_NEEDS_ARGUMENT = {"run": "the id of a training run", "gguf": "a path or a quantisation such as q8_0"}


def load_predictor(reference: str, context: PredictorContext) -> Predictor:
    """The predictor a reference names, loaded; close it (or use it in a `with` block).

    Raises:
        UsageError: for an unknown reference, or one without its argument.
        ModelError: where the model can not be loaded; never another model in its place.
    """
    name, argument = split_reference(reference)
    return PREDICTORS.get(name)(context, argument)


def split_reference(reference: str) -> tuple[str, str]:
    """Name and argument of a reference.

    Raises:
        UsageError: where the argument is missing, or given to a name that takes none.
    """
    name, _, argument = reference.partition(":")
    if name in _NEEDS_ARGUMENT and not argument:
        raise UsageError(
            f"the model {reference!r} lacks {_NEEDS_ARGUMENT[name]}",
            next_command=f"write {name}:..., `narrowcast models list` shows what there is",
        )
    if argument and name in PREDICTORS.names() and name not in _NEEDS_ARGUMENT:
        raise UsageError(f"the model {name!r} takes nothing behind a colon", where=reference)
    return name, argument
