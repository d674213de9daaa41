"""What the server needs of a model, whatever runs it, and which kind a file is."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from narrowcast.core.formats import kind_of
from narrowcast.core.prediction import PromptRequest
from narrowcast.server.answers import Delta, Plan
from narrowcast.server.protocol import ChatRequest


class ServedModel(Protocol):
    """A loaded file. Its methods block and are called from worker threads."""

    @property
    def alive(self) -> bool:
        """Whether it can answer; one that cannot is closed and opened again."""

    @property
    def pid(self) -> int:
        """The process that computes."""

    def answer(self, plan: Plan, request: ChatRequest) -> Generator[Delta, None, None]:
        """Deltas of one answer; the last one has `finish` and the token counts.

        Raises:
            ApiError: for what cannot be answered.
        """

    def close(self) -> None:
        """Free what it holds."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A kind of model.

    Attributes:
        open: loads a file; raises ModelError where that fails.
        answered_by: how it answers a prompt, in a word for clients.
        extra: brings what serving it needs.
    """

    open: Callable[[Path], ServedModel]
    answered_by: Callable[[PromptRequest], str]
    extra: str


def engine_of(path: Path) -> Engine:
    """The kind of a file, by the end of its name."""
    if kind_of(path.name) == "onnx":
        from narrowcast.server import onnx_model

        return Engine(onnx_model.ClassifierModel, onnx_model.answered_by, "onnx-serve")
    from narrowcast.server import llama_model

    return Engine(llama_model.LlamaModel, llama_model.answered_by, "serve")
