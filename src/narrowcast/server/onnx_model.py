"""An ONNX file as the server holds it: onnxruntime in this process."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

from narrowcast.core.prediction import PromptRequest
from narrowcast.models.onnx.reader import open_onnx
from narrowcast.models.predictors.baseline import last_user_turn
from narrowcast.server.answers import Delta, Plan, label_delta
from narrowcast.server.errors import unsupported
from narrowcast.server.protocol import ChatRequest


class ClassifierModel:
    """See `narrowcast.server.engine.ServedModel`.

    Args:
        path: the ONNX file.

    Raises:
        ModelError: if it cannot be loaded.
        MissingExtraError: without onnxruntime.
    """

    alive = True

    def __init__(self, path: Path) -> None:
        self._file = open_onnx(path)

    @property
    def pid(self) -> int:
        """This process."""
        return os.getpid()

    def close(self) -> None:
        """Memory is freed with the object."""

    def answer(self, plan: Plan, request: ChatRequest) -> Generator[Delta, None, None]:
        """The label, or the labels or spans in JSON, as one delta; the last user turn alone is read.

        Raises:
            ApiError: 400 where probabilities are asked for and there are none.
        """
        file = self._file
        if request.logprobs and not file.gives_probabilities:
            raise unsupported("logprobs", "this model gives answers without probabilities")
        text = last_user_turn(plan.prompt)
        answer, logprobs = file.answers([text], plan.prompt.labels or file.classes)[0]
        yield label_delta(answer, logprobs or {}, request, file.size_of(text), file.size_of(answer))


def answered_by(prompt: PromptRequest) -> str:  # noqa: ARG001 - the form of `Engine.answered_by`
    """Every prompt in one way."""
    return "classifier"
