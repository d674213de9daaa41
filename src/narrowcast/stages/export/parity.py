"""One exported file against the measured model: prompts, ids, stop tokens, distributions, answers, metric."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.formats import FLOAT_FORMATS
from narrowcast.core.metric import Difference, MetricValue
from narrowcast.core.parity import FileFacts, rule_of_three
from narrowcast.core.prediction import Prediction
from narrowcast.core.work import Work
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.llama_sampling import decode_rows
from narrowcast.models.predictors.llama import LlamaPredictor
from narrowcast.models.template import text_of
from narrowcast.stages.export.measured import MeasuredModel, MeasuredRow
from narrowcast.tasks.base import TaskHandler
from narrowcast.tasks.bootstrap import bootstrap, paired_difference


@dataclass(slots=True)
class _FileRows:
    """What a file makes of the held-out prompts, compared with the measured model."""

    predictions: list[Prediction] = field(default_factory=list)
    texts_equal: bool = True
    ids_equal: bool = True
    eos_equal: bool = True
    agreements: list[int] = field(default_factory=list)
    divergences: list[float] = field(default_factory=list)
    runtime: dict[str, str] = field(default_factory=dict)


def compare_file(
    measured: MeasuredModel, path: Path, file_format: str, *, requantised: Path | None, work: Work
) -> tuple[FileFacts, dict[str, str]]:
    """Run every held-out prompt through a file.

    Args:
        measured: the trained model's side.
        path: the file.
        file_format: what it is called.
        requantised: the trained model quantised today, where the file is quantised and has other bytes.
        work: advanced, and asked whether to stop, once per row.

    Returns:
        What was seen, and with which settings the file was run.

    Raises:
        ModelError: if llama.cpp cannot load the file or its process dies.
    """
    file = _read(measured, path, f"parity: {file_format}", work)
    predictions = file.predictions
    value, difference = metric_difference(
        measured.handler,
        [row.example for row in measured.rows],
        measured.groups,
        measured.predictions,
        predictions,
    )
    interval = MetricValue(value=difference.value, low=difference.low, high=difference.high)
    pairs = zip(measured.predictions, predictions, strict=True)
    top1, divergence = statistics.fmean(file.agreements), statistics.fmean(file.divergences)
    top1_today, divergence_today = (
        (top1, divergence) if requantised is None else distributions(measured, requantised, work)
    )
    quantised, groups = file_format not in FLOAT_FORMATS, len(set(measured.groups))
    facts = FileFacts(
        format=file_format,
        rows=len(predictions),
        groups=groups,
        positions=len(file.agreements),
        templates_equal=file.texts_equal,
        prompt_ids_equal=file.ids_equal,
        eos_equal=file.eos_equal,
        top1_agreement=top1,
        mean_kl=divergence,
        requantised_top1=top1_today if quantised else None,
        requantised_kl=divergence_today if quantised else None,
        metric=difference.metric,
        measured=value,
        exported=value + difference.value,
        metric_difference=rule_of_three(interval, groups),
        answers_equal=statistics.fmean(mine.text == other.text for mine, other in pairs),
        size_bytes=path.stat().st_size,
        median_latency_s=statistics.median(each.latency_s for each in predictions),
    )
    return facts, file.runtime


def distributions(measured: MeasuredModel, path: Path, work: Work) -> tuple[float, float]:
    """Top-1 agreement and mean KL divergence of a file, in nats, without its answers."""
    agreements: list[int] = []
    divergences: list[float] = []
    work.progress.start("parity: next tokens", len(measured.rows))
    with LlamaClient(path) as client:
        for row in measured.rows:
            work.cancel.check()
            agrees, divergence = _distributions(client, row)
            agreements += agrees
            divergences += divergence
            work.progress.advance()
    return statistics.fmean(agreements), statistics.fmean(divergences)


def _read(measured: MeasuredModel, path: Path, what: str, work: Work) -> _FileRows:
    """Run every prompt through the file."""
    file = _FileRows()
    work.progress.start(what, len(measured.rows))
    with LlamaPredictor(LlamaClient(path)) as predictor:
        client = predictor.client
        file.runtime = client.info.runtime
        for row in measured.rows:
            work.cancel.check()
            file.texts_equal &= text_of(client.prompt_pieces(row.request.messages)) == row.prompt_text
            file.ids_equal &= _same_ids(client, row)
            agrees, divergence = _distributions(client, row)
            file.agreements += agrees
            file.divergences += divergence
            file.predictions += predictor.predict([row.request])
            work.progress.advance()
        file.eos_equal = (
            client.info.eos == measured.eos
            and client.info.end_of_turn == measured.end_of_turn
            and frozenset(client.info.stop) == measured.stop
        )
    return file


def _same_ids(client: LlamaClient, row: MeasuredRow) -> bool:
    answer = client.tokenize_answer(row.answer_text)
    # The end-of-turn token is judged apart, so that a wrong one is called by its name.
    return (
        client.tokenize_prompt(row.request.messages) == row.prompt_ids and answer[:-1] == row.answer_ids[:-1]
    )


def _distributions(client: LlamaClient, row: MeasuredRow) -> tuple[list[int], list[float]]:
    """Whether both prefer the same next token, and the KL divergence in nats, at each answer position."""
    import numpy as np

    start = len(row.prompt_ids) - 1
    answer = client.ask("logits", tokens=row.forced_ids, start=start)
    exported, reference = decode_rows(answer["rows"]), np.load(row.logits)
    agrees = (exported.argmax(-1) == reference.argmax(-1)).astype(int).tolist()
    p, q = _log_softmax(reference), _log_softmax(exported)
    return agrees, (np.exp(p) * (p - q)).sum(-1).tolist()


def _log_softmax(logits: Any) -> Any:
    import numpy as np

    wide = logits.astype(np.float64)
    wide -= wide.max(-1, keepdims=True)
    return wide - np.log(np.exp(wide).sum(-1, keepdims=True))


def metric_difference(
    handler: TaskHandler,
    examples: Sequence[Example],
    groups: Sequence[int],
    measured: Sequence[Prediction],
    exported: Sequence[Prediction],
) -> tuple[float, Difference]:
    """The measured model's primary metric, and the file's minus it, paired over groups of rows."""
    ours, theirs = handler.score(examples, measured), handler.score(examples, exported)
    theirs_drawn, ours_drawn = (bootstrap(scores, groups=groups) for scores in (theirs, ours))
    difference = paired_difference(theirs_drawn, ours_drawn, ours.primary, (theirs, ours))
    return ours.metrics[ours.primary], difference
