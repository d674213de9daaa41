"""Examples in the prompt: which train rows, and how many of them fit before a question.

A question too long for all of them gets fewer, never a cut one.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from narrowcast.core.message import Message
from narrowcast.core.prediction import PromptRequest
from narrowcast.models.predictors.base import TrainingPair

# The label list may take this share of the context; a longer one is left out.
_LABELS_SHARE = 0.5

Choose = Callable[[Sequence[PromptRequest]], list[Sequence[TrainingPair]]]
"""The shots of each question, the most useful first, as only the first may fit."""


def draw_shots(pairs: Sequence[TrainingPair], count: int, seed: int) -> list[TrainingPair]:
    """`count` rows spread over the distinct answers; equal arguments, equal rows.

    One row of each distinct answer, the most frequent answers first, until there are enough.
    """
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


def the_same(shots: Sequence[TrainingPair]) -> Choose:
    """The same shots in the same order before every question, so that a shared prefix is read once."""
    return lambda requests: [shots] * len(requests)


class ShotPrompts:
    """Puts shots and the list of labels before questions.

    Args:
        choose: the shots of each question.
        labels: of the task; none where its answers are open.
        length: of messages, in the unit of `context_length`.
        context_length: of the model that is asked.
        best_last: the most useful shot stands next to the question.
    """

    def __init__(
        self,
        choose: Choose,
        labels: Sequence[str],
        length: Callable[[Sequence[Message]], int],
        context_length: int,
        *,
        best_last: bool = False,
    ) -> None:
        self._choose = choose
        self._length = length
        self._context_length = context_length
        self._best_last = best_last
        listed = f"Labels: {', '.join(labels)}" if labels else ""
        fits = listed and length([Message("system", listed)]) <= _LABELS_SHARE * context_length
        self._listed = listed if fits else ""
        self._counts: set[int] = set()
        self._longest: dict[tuple[str, ...], int] = {}

    @property
    def note(self) -> str:
        """How the prompts were made; the fewest and the most shots of the questions so far."""
        fewest, most = min(self._counts, default=0), max(self._counts, default=0)
        shots = f"{most} shot{'s' * (most != 1)}" if fewest == most else f"{fewest} to {most} shots"
        return f"{shots}, {'labels listed' if self._listed else 'no label list'}"

    def of(self, requests: Sequence[PromptRequest]) -> list[PromptRequest]:
        """The requests with as many shots as leave room for the answer."""
        chosen = self._choose(requests) if requests else []
        return [self._prompt(request, shots) for request, shots in zip(requests, chosen, strict=True)]

    def _prompt(self, request: PromptRequest, shots: Sequence[TrainingPair]) -> PromptRequest:
        system = self._system(request.messages)
        rest = [message for message in request.messages if message.role != "system"]
        room = self._context_length - self._answer_length(request)
        for count in range(len(shots), -1, -1):
            kept = shots[:count]
            turns = [turn for shot in (reversed(kept) if self._best_last else kept) for turn in _turns(shot)]
            messages = (*system, *turns, *rest)
            if count == 0 or self._length(messages) <= room:
                break
        self._counts.add(count)
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


def _turns(shot: TrainingPair) -> list[Message]:
    return [
        *(message for message in shot.messages if message.role != "system"),
        Message("assistant", shot.target),
    ]
