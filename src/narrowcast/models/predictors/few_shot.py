"""The untuned base with train rows in its prompt: what it does when it is shown how.

The shots of `base-few-shot` are drawn once; those of `base-retrieval:NAME` are the train rows nearest to each
question (Liu et al. 2022, "What Makes Good In-Context Examples for GPT-3?"). Both come from the train split
alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from narrowcast.core.message import Message
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.models.predictors.base import Predictor, PredictorContext, PredictorFactory
from narrowcast.models.predictors.base_content import base_content
from narrowcast.models.predictors.baseline import training_pairs
from narrowcast.models.predictors.shots import Choose, ShotPrompts, draw_shots, the_same


def from_base(context: PredictorContext, _argument: str = "") -> ShotPredictor:
    """The base model, prompted with `context.shots` train rows."""
    shots = draw_shots(training_pairs(context), context.shots, context.seed)
    return _prompted("base-few-shot", context, the_same(shots))


def with_nearest(context: PredictorContext, argument: str) -> ShotPredictor:
    """The base model, prompted with the `context.shots` train rows that are nearest to each question.

    Raises:
        ModelError: if the encoder that the argument names is not on this machine.
    """
    from narrowcast.models.predictors.retrieval import nearest_rows

    choose = nearest_rows(argument, training_pairs(context), context)
    return _prompted(f"base-retrieval:{argument}", context, choose, best_last=True)


def _prompted(
    name: str, context: PredictorContext, choose: Choose, *, best_last: bool = False
) -> ShotPredictor:
    from narrowcast.models.chat import render_prompt
    from narrowcast.models.loading import load_tokenizer, resolve_base
    from narrowcast.models.predictors.transformers import from_base as untuned

    resolved = resolve_base(context.base, context.settings)
    tokenizer = load_tokenizer(resolved)

    def length(messages: Sequence[Message]) -> int:
        return len(render_prompt(tokenizer, messages))

    prompts = ShotPrompts(choose, context.task.labels, length, resolved.context_length, best_last=best_last)
    return ShotPredictor(name, untuned(context), prompts)


def _with_nearest_content(context: PredictorContext, argument: str) -> Mapping[str, object]:
    from narrowcast.models.predictors.retrieval import retrieval_content

    return {**base_content(context, argument), **retrieval_content(argument, context)}


FEW_SHOT = PredictorFactory(load=from_base, content=base_content)
RETRIEVAL = PredictorFactory(
    load=with_nearest,
    argument="what rows are compared by: tfidf, or an encoder of `narrowcast models list`, or its folder",
    content=_with_nearest_content,
)


class ShotPredictor:
    """A model that is asked with shots before each question; it owns the model from here on."""

    def __init__(self, name: str, inner: Predictor, prompts: ShotPrompts) -> None:
        self.name, self.size_bytes = name, inner.size_bytes
        self._inner, self._prompts = inner, prompts

    @property
    def note(self) -> str:
        """How the prompts were made."""
        return self._prompts.note

    def predict(self, requests: Sequence[PromptRequest]) -> list[Prediction]:
        """Predictions of the wrapped model on the longer prompts."""
        return self._inner.predict(self._prompts.of(requests))

    def close(self) -> None:
        """Close the wrapped model."""
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
