"""An exported GGUF file as a predictor: llama.cpp in a child process.

A child that dies is an error of the evaluation, never a silent second try: a measured number must come
from one model that ran from the first row to the last.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from narrowcast.core.model_ref import ModelRef
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.predictors.base import PredictorContext
from narrowcast.models.predictors.exported import exported_factory, proven_path


def from_reference(context: PredictorContext, argument: str) -> LlamaPredictor:
    """`gguf:<path>` or `gguf:<format>` of the project's current bundle, as it was proven."""
    path = proven_path(context.project, argument)
    return LlamaPredictor(LlamaClient(path), ModelRef.of_file(argument))


GGUF = exported_factory(from_reference, "q8_0")


class LlamaPredictor:
    """Answers through one GGUF file; see `narrowcast.models.predictors.base.Predictor`.

    Args:
        client: the child with the file; the predictor owns it from here on.
        name: how reports call it; default the reference to the file's path.
    """

    def __init__(self, client: LlamaClient, name: str | None = None) -> None:
        self.name = name or ModelRef.of_file(str(client.path))
        self.size_bytes: int | None = client.path.stat().st_size
        self.client = client
        self._answers: dict[tuple[str, ...], list[list[int]]] = {}

    def predict(self, requests: Sequence[PromptRequest]) -> list[Prediction]:
        """One prediction a request, in order.

        Raises:
            ModelError: the child died, or a prompt does not fit the context.
        """
        return [self._answer(request) for request in requests]

    def _answer(self, request: PromptRequest) -> Prediction:
        started = time.perf_counter()
        tokens = self.client.tokenize_prompt(request.messages)
        if request.labels is not None:
            return self._choose(tokens, request.labels, started)
        result = self.client.ask("generate", tokens=tokens, max_tokens=request.max_tokens)
        return Prediction(
            text=result["text"],
            tokens=len(result["tokens"]),
            latency_s=time.perf_counter() - started,
            finish=result["finish"],
        )

    def _choose(self, tokens: list[int], labels: tuple[str, ...], started: float) -> Prediction:
        if labels not in self._answers:
            self._answers[labels] = [self.client.tokenize_answer(label) for label in labels]
        answers = self._answers[labels]
        scores = self.client.ask("score", tokens=tokens, answers=answers)["logprobs"]
        best = max(range(len(labels)), key=scores.__getitem__)
        return Prediction(
            text=labels[best],
            tokens=sum(map(len, answers)),
            latency_s=time.perf_counter() - started,
            logprobs=normalised(dict(zip(labels, scores, strict=True))),
        )

    def close(self) -> None:
        """End the child process."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def normalised(scores: Mapping[str, float]) -> dict[str, float]:
    """Log-probabilities over the label set alone."""
    largest = max(scores.values())
    total = largest + math.log(sum(math.exp(score - largest) for score in scores.values()))
    return {label: score - total for label, score in scores.items()}
