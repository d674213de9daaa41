"""Answers on disk, named by what they depend on: the weights and every prompt."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from narrowcast.core.example import Example
from narrowcast.core.hashing import content_hash
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.core.stage import StageContext
from narrowcast.errors import ModelError
from narrowcast.models.predictors.base import Predictor, PredictorContext
from narrowcast.models.predictors.load import load_predictor
from narrowcast.store.files import atomic_writer, json_line, read_jsonl

# Between two batches a run can be cancelled and the display moves; models batch within.
_BATCH = 64
_KEY_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Answers:
    """The predictions of one model, in the order of the rows."""

    predictions: list[Prediction]
    note: str
    size_bytes: int | None
    load_seconds: float
    path: Path
    reused: bool


def answers(
    reference: ModelRef,
    fingerprint: str,
    examples: Sequence[Example],
    requests: Sequence[PromptRequest],
    predictor_context: PredictorContext,
    ctx: StageContext,
    *,
    reuse: bool,
) -> Answers:
    """Predict, or read what the same weights answered to the same prompts before.

    Raises:
        ModelError: if the model cannot be loaded or fails.
        CancelledError: on request; nothing is kept.
    """
    path = _path(ctx.project, fingerprint, requests)
    if reuse and path.exists():
        return _stored(path)
    ctx.progress.start(f"{reference}: loading")
    began = time.perf_counter()
    with load_predictor(reference, predictor_context) as predictor:
        seconds = time.perf_counter() - began
        predictions = _predict(reference, predictor, requests, ctx)
        note, size = str(getattr(predictor, "note", "")), predictor.size_bytes
    result = Answers(predictions, note, size, seconds, path, reused=False)
    _store(result, reference, examples)
    return result


def _predict(
    reference: str, predictor: Predictor, requests: Sequence[PromptRequest], ctx: StageContext
) -> list[Prediction]:
    predictions: list[Prediction] = []
    ctx.progress.start(f"{reference}: answering", total=len(requests))
    for start in range(0, len(requests), _BATCH):
        ctx.cancel.check()
        batch = requests[start : start + _BATCH]
        answered = predictor.predict(batch)
        if len(answered) != len(batch):
            raise ModelError(
                f"{reference} gave {len(answered)} answers to {len(batch)} questions",
                next_command="narrowcast plugins, where the model comes from a plug-in",
            )
        predictions += answered
        ctx.progress.advance(len(batch))
    ctx.progress.finish()
    return predictions


def _path(project: ProjectPaths, fingerprint: str, requests: Sequence[PromptRequest]) -> Path:
    prompts = [
        [[(turn.role, turn.content) for turn in each.messages], each.max_tokens, each.labels]
        for each in requests
    ]
    key = content_hash({"model": fingerprint, "prompts": prompts})[:_KEY_DIGITS]
    return project.reports / "predictions" / f"{key}.jsonl"


def _store(found: Answers, reference: str, examples: Sequence[Example]) -> None:
    """A head line about the model, then one line per row; probabilities in the order of the labels.

    The labels are in the head where all rows share them, else in each row.
    """
    sets = {tuple(each.logprobs) for each in found.predictions if each.logprobs is not None}
    shared = next(iter(sets)) if len(sets) == 1 else None
    head = {
        "model": reference,
        "note": found.note,
        "size_bytes": found.size_bytes,
        "load_seconds": found.load_seconds,
        "labels": shared,
    }
    with atomic_writer(found.path) as file:
        file.write(json_line(head))
        for example, each in zip(examples, found.predictions, strict=True):
            row = {"id": example.id, "text": each.text, "tokens": each.tokens, "latency_s": each.latency_s}
            row |= {"finish": each.finish} if each.finish != "stop" else {}
            row |= {"logprobs": list(each.logprobs.values())} if each.logprobs is not None else {}
            row |= {"labels": list(each.logprobs)} if each.logprobs is not None and shared is None else {}
            file.write(json_line(row))


def _stored(path: Path) -> Answers:
    head, *rows = read_jsonl(path)
    predictions = [
        Prediction(
            text=row["text"],
            tokens=row["tokens"],
            latency_s=row["latency_s"],
            logprobs=(
                dict(zip(row.get("labels") or head["labels"], row["logprobs"], strict=True))
                if "logprobs" in row
                else None
            ),
            finish=row.get("finish", "stop"),
        )
        for row in rows
    ]
    return Answers(predictions, head["note"], head["size_bytes"], head["load_seconds"], path, reused=True)
