"""`rules:FILE.py`: the answers of a function that the user wrote, as a baseline.

    def answer(inputs):                # the inputs of one row: {"text": "..."}, or the fields of the task
        return "refund" if "money back" in inputs["text"] else "other"

It returns the answer in the form of the task: a label, a list of labels, an object of fields, an object of
lists of spans, or a text. Anything else counts as an invalid answer. It is given no right answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from narrowcast.core.hashing import sha256_hex, short
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.core.progress import CancelToken
from narrowcast.errors import ModelError, UsageError
from narrowcast.models.predictors.base import RUNS_CODE, PredictorContext, PredictorFactory
from narrowcast.models.predictors.json_answer import answer_text
from narrowcast.models.rules_process import RulesProcess


class RulesPredictor:
    """See `narrowcast.models.predictors.base.Predictor`.

    Args:
        path: of the file.
        source: its bytes.
        answer: kind of the task's answers.
        cancel: stops it within a row.

    Attributes:
        evidence: for the event: file, hash, and how many rows were answered.
    """

    def __init__(self, path: Path, source: bytes, answer: AnswerKind, cancel: CancelToken) -> None:
        self.name = f"rules:{path.name}"
        self.size_bytes: int | None = None
        digest = sha256_hex(source)
        self.note = f"{path.name}, SHA-256 {short(digest)}"
        self.evidence: dict[str, Any] = {"file": path.name, "sha256": digest, "rows": 0}
        self._kind, self._cancel = answer, cancel
        self._path, self._source = path, _text(path, source)
        self._rules: RulesProcess | None = None

    def predict(self, requests: Sequence[PromptRequest]) -> list[Prediction]:
        """One answer a request, in order. The file is run here, not before: the event of that has evidence.

        Raises:
            ModelError: if the file cannot be loaded; where the function raises or takes too long, it names
                the line and the row.
            CancelledError: on request.
        """
        predictions = []
        rules = self._rules = self._rules or RulesProcess(self._path, self._source, self._cancel)
        for request in requests:
            self.evidence["rows"] += 1
            began = time.perf_counter()
            value = rules.answer(request.inputs, request.row)
            predictions.append(Prediction(self._written(value), latency_s=time.perf_counter() - began))
        return predictions

    def _written(self, value: Any) -> str:
        """The value as a model would have to write it."""
        if isinstance(value, str):
            return value
        if isinstance(value, list) and self._kind is AnswerKind.LABELS:
            return answer_text({"labels": value})
        return answer_text(value) if isinstance(value, dict) else json.dumps(value, ensure_ascii=False)

    def close(self) -> None:
        """End the child process."""
        if self._rules is not None:
            self._rules.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def from_file(context: PredictorContext, argument: str) -> RulesPredictor:
    """Read the file that the argument names; `content` has hashed it.

    Raises:
        UsageError: for preferences, whose two answers the function does not see.
        ModelError: if the file is not there, or no text.
    """
    if context.answer is AnswerKind.PREFERENCE:
        raise UsageError(
            f"rules cannot answer the task {context.task.profile}",
            where=f"rules:{argument}",
            next_command="narrowcast baseline --models base",
        )
    path = _path(context, argument)
    return RulesPredictor(path, path.read_bytes(), context.answer, context.work.cancel)


def _content(context: PredictorContext, argument: str) -> Mapping[str, object]:
    return {"file": sha256_hex(_path(context, argument).read_bytes())}


def _path(context: PredictorContext, argument: str) -> Path:
    """A relative path is one of the current folder, else of the project."""
    path = Path(argument).expanduser()
    for each in (path.absolute(), context.project.root / path):
        if each.is_file():
            return each
    raise ModelError(
        "there is no such rules file",
        where=argument,
        next_command="write a Python file with a function answer(inputs); see docs/evaluate.md",
        reason_code="model_rules_missing",
    )


def _text(path: Path, source: bytes) -> str:
    try:
        return source.decode("utf-8-sig")  # Python too takes a file with a byte-order mark
    except UnicodeDecodeError as error:
        raise ModelError(
            f"the rules of {path.name} cannot be read: {error}",
            where=str(path),
            next_command="save the file as UTF-8",
            reason_code="model_rules_failed",
        ) from error


RULES = PredictorFactory(
    load=from_file,
    argument="a Python file with a function answer(inputs)",
    content=_content,
    by_content=True,
    reads_inputs=True,
    asks=RUNS_CODE,
)
