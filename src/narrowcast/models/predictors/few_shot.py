"""Examples in the prompt: what the untuned base does when it is shown how.

The shots are drawn once, from the train split alone, and are in the same order before every question, so
that a predictor that caches shared prefixes reads them once. They are spread over the answers: one row of
each distinct answer, the most frequent answers first, until there are enough. A question too long for all
of them gets fewer, never a cut one.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from narrowcast.core.message import Message
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.models.predictors.base import Predictor, PredictorContext, PredictorFactory, TrainingPair
from narrowcast.models.predictors.base_content import base_content
from narrowcast.models.predictors.baseline import training_pairs

# The label list may take this share of the context; a longer one is left out.
_LABELS_SHARE = 0.5


def from_base(context: PredictorContext, _argument: str = "") -> FewShotPredictor:
    """The base model, prompted with `context.shots` train rows."""
    from narrowcast.models.chat import render_prompt
    from narrowcast.models.loading import load_tokenizer, resolve_base
    from narrowcast.models.predictors.transformers import from_base as untuned

    resolved = resolve_base(context.base, context.settings)
    tokenizer = load_tokenizer(resolved)
    shots = draw_shots(training_pairs(context), context.shots, context.seed)
    inner = untuned(context)

    def length(messages: Sequence[Message]) -> int:
        return len(render_prompt(tokenizer, messages))

    return FewShotPredictor(inner, shots, context.task.labels, length, resolved.context_length)


FEW_SHOT = PredictorFactory(load=from_base, content=base_content)


def draw_shots(pairs: Sequence[TrainingPair], count: int, seed: int) -> list[TrainingPair]:
    """`count` rows spread over the distinct answers; equal arguments, equal rows."""
    by_answer: dict[str, list[TrainingPair]] = defaultdict(list)
    for pair in pairs:
        by_answer[pair.target].append(pair)
    generator = random.Random(seed)  # noqa: S311 - a reproducible draw, not a secret
    queues = [by_answer[target] for target in sorted(by_answer, key=lambda key: (-len(by_answer[key]), key))]
    for queue in queues:
        generator.shuffle(queue)
    if queues and len(queues[0]) == 1:  # all answers differ: no order by frequency, so draw at random
        generator.shuffle(queues)
    shots: list[TrainingPair] = []
    while len(shots) < count and any(queues):
        shots += [queue.pop() for queue in queues if queue][: count - len(shots)]
    generator.shuffle(shots)
    return shots


class FewShotPredictor:
    """Puts shots and the label list before each question and hands it on."""

    def __init__(
        self,
        inner: Predictor,
        shots: Sequence[TrainingPair],
        labels: Sequence[str],
        length: Callable[[Sequence[Message]], int],
        context_length: int,
    ) -> None:
        self.name = "base-few-shot"
        self.size_bytes = inner.size_bytes
        self._inner = inner
        self._shots = list(shots)
        self._length = length
        self._context_length = context_length
        listed = f"Labels: {', '.join(labels)}" if labels else ""
        fits = listed and length([Message("system", listed)]) <= _LABELS_SHARE * context_length
        self._listed = listed if fits else ""
        self._fewest = len(self._shots)
        self._longest: dict[tuple[str, ...], int] = {}

    @property
    def note(self) -> str:
        """How the prompts were made; the fewest shots of any question so far."""
        count = len(self._shots)
        shots = (
            f"{count} shot{'s' * (count != 1)}"
            if self._fewest == count
            else f"{self._fewest} to {count} shots"
        )
        return f"{shots}, {'labels listed' if self._listed else 'no label list'}"

    def predict(self, requests: Sequence[PromptRequest]) -> list[Prediction]:
        """Predictions of the wrapped model on the longer prompts."""
        return self._inner.predict([self.prompt(request) for request in requests])

    def prompt(self, request: PromptRequest) -> PromptRequest:
        """The request with as many shots as leave room for the answer."""
        system = self._system(request.messages)
        rest = [message for message in request.messages if message.role != "system"]
        room = self._context_length - self._answer_length(request)
        for count in range(len(self._shots), -1, -1):
            turns = [turn for shot in self._shots[:count] for turn in _turns(shot)]
            messages = (*system, *turns, *rest)
            if count == 0 or self._length(messages) <= room:
                break
        self._fewest = min(self._fewest, count)
        return replace(request, messages=messages)

    def _answer_length(self, request: PromptRequest) -> int:
        """Room for an answer: the longest label with its turn's tokens, or as much as may be generated."""
        if request.labels is None:
            return request.max_tokens
        if request.labels not in self._longest:
            turns = ([Message("assistant", label)] for label in request.labels)
            self._longest[request.labels] = max(map(self._length, turns))
        return self._longest[request.labels]

    def _system(self, messages: Sequence[Message]) -> list[Message]:
        text = "\n".join(message.content for message in messages if message.role == "system")
        if self._listed and self._listed not in text:
            text = f"{text}\n{self._listed}".strip()
        return [Message("system", text)] if text else []

    def close(self) -> None:
        """Close the wrapped model."""
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _turns(shot: TrainingPair) -> list[Message]:
    return [
        *(message for message in shot.messages if message.role != "system"),
        Message("assistant", shot.target),
    ]
