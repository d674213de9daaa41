"""`endpoint:MODEL`: a larger model behind an OpenAI-compatible endpoint, as a baseline on the same rows.

Held-out rows leave this machine here, as prompts; that is what measuring such a model means. The endpoint is
that of the teacher (`NARROWCAST_TEACHER_URL`, `NARROWCAST_TEACHER_KEY`). Its answers are kept apart from
those of teachers, so nothing that makes training data can find one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from narrowcast.core.hashing import content_hash
from narrowcast.core.message import Message
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.core.work import Work
from narrowcast.errors import StageError, UsageError
from narrowcast.models.predictors.base import SENDS_ROWS, PredictorContext, PredictorFactory, fitted_on_train
from narrowcast.models.predictors.baseline import training_pairs
from narrowcast.models.predictors.shots import ShotPrompts, draw_shots, the_same
from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.client import TeacherClient, Terms
from narrowcast.teacher.estimate import expected_cost
from narrowcast.teacher.settings import TeacherSettings

_CONTEXT_BYTES = 24_000  # of a prompt: about 8,000 tokens, which every larger model has room for
_ANSWER_TOKENS = 20  # of a short answer; for the forecast alone


class EndpointPredictor:
    """See `narrowcast.models.predictors.base.Predictor`.

    Args:
        settings: the endpoint, with the model to ask.
        prompts: put shots and labels before questions.
        context: project, caps and prices.

    Attributes:
        evidence: for the event: who was asked, how many rows were sent, and what that cost.
    """

    def __init__(self, settings: TeacherSettings, prompts: ShotPrompts, context: PredictorContext) -> None:
        self.name = f"endpoint:{settings.model}"
        self.size_bytes: int | None = None
        self._settings, self._prompts, self._context = settings, prompts, context
        terms = Terms(run=context.run_id or "measurement", caps=context.caps, price=context.price)
        self._concurrency = terms.concurrency
        store = context.project.measured_calls
        self._client = TeacherClient(settings, store, terms, Work(context.work.progress, context.work.cancel))
        self.evidence: dict[str, Any] = {
            "endpoint": urlsplit(settings.url).netloc,
            "endpoint_model": settings.model,
            "rows": 0,
            "cap_tokens": context.caps.tokens,
        }

    @property
    def note(self) -> str:
        """How it was asked, and what that cost."""
        cost = "" if self._client.cost is None else f", {self._client.cost:,.4f} in your currency"
        return f"{self._prompts.note}, {self._client.tokens:,} tokens{cost}"

    def announce(self, requests: Sequence[PromptRequest]) -> None:
        """Say before the first call what is sent where, and what it may cost."""
        calls = [self._call(each) for each in self._prompts.of(requests)]
        store = self._context.project.measured_calls
        tokens = len(calls) * _ANSWER_TOKENS
        expected = expected_cost(calls, tokens, self._context.price, self._concurrency, store)
        self._context.work.progress.note(
            f"{self.name}: {len(requests):,} held-out rows go to {self.evidence['endpoint']}; "
            f"{expected.sentence}; cap {self._context.caps.tokens:,} tokens"
        )

    def predict(self, requests: Sequence[PromptRequest]) -> list[Prediction]:
        """One answer a request, in order; equal questions are asked once.

        Raises:
            StageError: if the endpoint refuses or cannot be reached, or the caps leave no room.
            CancelledError: on request.
        """
        calls = [self._call(each) for each in self._prompts.of(requests)]
        answers: dict[str, Answer] = {}
        self.evidence["rows"] += len(requests)
        try:
            self._client.ask_all(calls, lambda call, answer: answers.update({call.key: answer}))
        finally:
            self.evidence |= {"tokens": self._client.tokens, "cost": self._client.cost}
        if self._client.exhausted:
            raise StageError(
                f"the caps left no room after {self._client.tokens:,} tokens",
                where=self.name,
                next_command="the same command with a larger --cap-tokens or --cap-cost; "
                "answers that arrived are stored and not paid again",
                reason_code="model_cap_reached",
            )
        return [
            _prediction(request, answers[call.key]) for request, call in zip(requests, calls, strict=True)
        ]

    def _call(self, request: PromptRequest) -> Call:
        # An endpoint counts messages of any length, but no answer of ours is longer than max_tokens.
        return Call(
            self._settings.model, request.messages, {"temperature": 0.0, "max_tokens": request.max_tokens}
        )

    def close(self) -> None:
        """Wait until answers under way are stored."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def from_settings(context: PredictorContext, argument: str) -> EndpointPredictor:
    """Open the endpoint for a model.

    Raises:
        UsageError: if no endpoint is set, or the task is a choice between two answers.
        DataError: if the train split, of which the shots are, is empty.
    """
    if context.answer is AnswerKind.PREFERENCE:
        raise UsageError(
            "an endpoint does not tell how likely each of two answers is",
            where=f"endpoint:{argument}",
            next_command="narrowcast baseline --models base",
        )
    settings = TeacherSettings.of(context.settings, model=argument)
    shots = draw_shots(training_pairs(context), context.shots, context.seed)
    prompts = ShotPrompts(the_same(shots), context.task.labels, _bytes, _CONTEXT_BYTES)
    return EndpointPredictor(settings, prompts, context)


def _content(context: PredictorContext, argument: str) -> Mapping[str, object]:
    """Which endpoint it is, and the train rows that it is shown."""
    url = TeacherSettings.of(context.settings, model=argument).url
    return {**fitted_on_train(context, argument), "url": content_hash(url), "shots": context.shots}


def _bytes(messages: Sequence[Message]) -> int:
    return sum(len(message.content.encode()) for message in messages)


def _prediction(request: PromptRequest, answer: Answer) -> Prediction:
    return Prediction(
        text=_tidied(answer.text, request.labels),
        tokens=answer.completion_tokens,
        latency_s=answer.seconds,
        finish="length" if answer.finish == "length" else "stop",
    )


def _tidied(text: str, labels: Sequence[str] | None) -> str:
    """The answer without what chat models put around one: a code fence, quotes, a full stop, other case."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text[:-3].partition("\n")[2].strip()
    if labels is None or text in labels:
        return text
    bare = text.strip(" \"'`.*").casefold()
    return next((label for label in labels if label.casefold() == bare), text)


ENDPOINT = PredictorFactory(
    load=from_settings,
    argument="a model, as the endpoint of NARROWCAST_TEACHER_URL calls it",
    content=_content,
    asks=SENDS_ROWS,
)
