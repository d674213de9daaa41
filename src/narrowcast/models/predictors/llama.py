"""An exported GGUF file as a predictor: llama.cpp in a child process.

A child that dies is an error of the evaluation, never a silent second try: a measured number must come
from one model that ran from the first row to the last.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.errors import ModelError
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.predictors.load import PredictorContext
from narrowcast.store.runs import current_run


def from_reference(context: PredictorContext, argument: str) -> LlamaPredictor:
    """`gguf:<path>` or `gguf:<quantisation>` of the project's current bundle."""
    return LlamaPredictor(gguf_path(context.project, argument), name=f"gguf:{argument}")


def gguf_path(project: ProjectPaths, reference: str) -> Path:
    """The file that a path or a quantisation names.

    Raises:
        ModelError: where there is no such file; says which there are.
    """
    if reference.endswith(".gguf"):
        path = Path(reference).expanduser()
        if not path.is_file():
            raise ModelError("there is no such GGUF file", where=str(path), next_command="narrowcast export")
        return path
    folder = current_bundle(project)
    path = folder / bundle_file(reference)
    if not path.is_file():
        found = sorted(file.stem.removeprefix("model-") for file in folder.glob("model-*.gguf"))
        raise ModelError(
            f"the bundle holds no {reference} file",
            where=f"{folder}; it holds {', '.join(found) or 'none'}",
            next_command=f"narrowcast export --formats {reference}",
            reason_code="export_artifact_missing",
        )
    return path


def bundle_file(name: str) -> str:
    """File name of a format inside a bundle."""
    return f"model-{name}.gguf"


def current_bundle(project: ProjectPaths) -> Path:
    """The bundle of the project's newest training run.

    Raises:
        ModelError: where nothing was trained.
    """
    record = current_run(project)
    if record is None:
        raise ModelError(
            "nothing was trained yet",
            where=str(project.root),
            next_command="narrowcast train",
            reason_code="export_artifact_missing",
        )
    return project.gguf / record.run_id


class LlamaPredictor:
    """Answers through one GGUF file; see `narrowcast.models.predictors.base.Predictor`.

    Args:
        path: the file.
        name: how reports call it.
        kv_type: type of the cached keys and values; `f16` is what other llama.cpp programs use.
    """

    def __init__(self, path: Path, *, name: str | None = None, kv_type: str = "f16") -> None:
        self.name = name or f"gguf:{path}"
        self.size_bytes: int | None = path.stat().st_size if path.is_file() else None
        self.client = LlamaClient(path, kv_type=kv_type)
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
