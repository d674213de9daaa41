"""Answers on disk, named by what they depend on: the weights and every prompt."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.hashing import content_hash
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.prediction import Prediction, PromptRequest
from narrowcast.core.seal import Seal
from narrowcast.core.stage import StageContext
from narrowcast.errors import ModelError
from narrowcast.evaluation.time_box import TimeBox
from narrowcast.models.predictors.base import Predictor
from narrowcast.models.predictors.load import predictor_factory
from narrowcast.store.files import atomic_writer, json_line, read_jsonl
from narrowcast.store.seals import require_unedited

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


def answers_path(
    project: ProjectPaths, reference: ModelRef, fingerprint: str, requests: Sequence[PromptRequest]
) -> Path:
    """Where the answers of a model to these requests are kept.

    They are named by its weights and the prompts, and by the inputs where it reads those.
    """
    prompts = [
        [[(turn.role, turn.content) for turn in each.messages], each.max_tokens, each.labels]
        for each in requests
    ]
    asked: dict[str, Any] = {"model": fingerprint, "prompts": prompts}
    if predictor_factory(reference).reads_inputs:
        asked["inputs"] = [dict(each.inputs) for each in requests]
    key = content_hash(asked)[:_KEY_DIGITS]
    return project.reports / "predictions" / f"{key}.jsonl"


def ask(
    predictor: Predictor,
    reference: ModelRef,
    requests: Sequence[PromptRequest],
    ctx: StageContext,
    box: TimeBox,
) -> list[Prediction]:
    """The answers of a loaded model, in the order of the requests.

    Raises:
        ModelError: if the model fails.
        TooLongError: if it does not fit in the time that is left.
        CancelledError: on request.
    """
    predictions: list[Prediction] = []
    ctx.progress.start(f"{reference}: answering", total=len(requests))
    if announce := getattr(predictor, "announce", None):
        announce(requests)
    began = time.monotonic()
    for rows in box.batches(len(requests), _BATCH):
        ctx.cancel.check()
        batch = [requests[row] for row in rows]
        answered = predictor.predict(batch)
        if len(answered) != len(batch):
            raise ModelError(
                f"{reference} gave {len(answered)} answers to {len(batch)} questions",
                next_command="narrowcast plugins, where the model comes from a plug-in",
            )
        predictions += answered
        ctx.progress.advance(len(batch))
        box.check(len(predictions), len(requests), time.monotonic() - began)
    ctx.progress.finish()
    return predictions


def write_answers(found: Answers, reference: ModelRef, examples: Sequence[Example], seal: Seal) -> None:
    """Keep answers: a head line about the model, then one line per row.

    Probabilities are in the order of the labels, which are in the head if all rows share them, else in each
    row.
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
    digest = hashlib.sha256()
    with atomic_writer(found.path) as file:

        def write(row: dict[str, Any]) -> None:
            line = json_line(row)
            file.write(line)
            digest.update(line)

        write(head)
        for example, each in zip(examples, found.predictions, strict=True):
            row = {"id": example.id, "text": each.text, "tokens": each.tokens, "latency_s": each.latency_s}
            row |= {"finish": each.finish} if each.finish != "stop" else {}
            row |= {"logprobs": list(each.logprobs.values())} if each.logprobs is not None else {}
            row |= {"labels": list(each.logprobs)} if each.logprobs is not None and shared is None else {}
            write(row)
        seal({found.path: digest.hexdigest()})


def read_answers(project: ProjectPaths, path: Path) -> Answers:
    """Answers that were kept.

    Raises:
        WorkspaceError: `system_file_edited`, if they are not those that were given.
    """
    require_unedited(project, path)
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
