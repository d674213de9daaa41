"""ONNX files against the trained model: tables and metadata, then tokens, scores and answers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.metric import MetricValue
from narrowcast.core.parity import FileFacts, FormatParity, judge_classifier, rule_of_three
from narrowcast.core.prediction import Prediction
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.models.onnx.identity import compare_onnx
from narrowcast.models.onnx.layout import LOG_PROBABILITIES, Origin
from narrowcast.models.predictors.baseline import last_user_turn
from narrowcast.models.shipped import TrainedModel
from narrowcast.stages.export.exporter import HeldOut, Proof
from narrowcast.stages.export.parity import metric_difference
from narrowcast.stages.export.proof import refused
from narrowcast.tasks import handler_for
from narrowcast.tasks.prompt import request_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from narrowcast.models.onnx.reader import OnnxModel

    Floats = NDArray[np.float32]


_ANSWERS_ALONE = "other versions wrote what the encoder computes, so that is judged by the answers alone"
_SMALLEST = 1e-30  # where every entry is 0, as the log-probability of the only class


@dataclass(slots=True)
class _Side:
    """What one side makes of the texts: of each the table that its answer is made of, and the answer."""

    tables: list[Floats]
    predictions: list[Prediction]

    def difference(self, other: _Side, *, logs: bool) -> float:
        """The largest in any entry of a table, relative to the largest entry; of probabilities also as such.

        A low temperature makes large log-probabilities, and rounding errors that are as much larger.
        """
        import numpy as np

        pairs = [(mine, theirs) for mine, theirs in zip(self.tables, other.tables, strict=True) if mine.size]
        if not pairs:
            return 0.0
        ours, theirs = (np.concatenate([np.ravel(pair[side]) for pair in pairs]) for side in (0, 1))
        return largest_difference(ours, theirs, logs=logs)


def largest_difference(ours: Floats, theirs: Floats, *, logs: bool) -> float:
    """Of two tables, relative to the largest entry; of log-probabilities also that of the probabilities."""
    import numpy as np

    size = max(float(np.abs(ours).max()), _SMALLEST)
    relative = np.abs(ours - theirs).max() / size
    return float(np.maximum(relative, np.abs(np.exp(ours) - np.exp(theirs)).max()) if logs else relative)


def compare_onnx_files(
    trained: TrainedModel,
    origin: Origin,
    proof: Proof,
    ctx: StageContext,
) -> tuple[list[FormatParity], dict[str, str]]:
    """See `Exporter.compare`."""
    from narrowcast.models.onnx.reader import open_onnx

    rows, files, options = proof.rows, proof.files, proof.options
    ctx.progress.start("parity: weights", len(files))
    compared = {name: compare_onnx(path, trained, origin) for name, path in files.items()}
    other = [refused(name, files[name], each.mismatch) for name, each in compared.items() if each.mismatch]
    if other:
        return other, {}
    handler, work = handler_for(rows.dataset.task), Work(ctx.progress, ctx.cancel)
    texts = [
        last_user_turn(request_for(handler, each.inputs, target=each.target, max_tokens=options.max_tokens))
        for each in rows.examples
    ]
    labels = rows.dataset.task.labels or ()
    work.progress.start("parity: trained model", len(texts))
    measured = _measured(trained, texts, labels)
    formats, runtime = [], {}
    for name, path in files.items():
        file = open_onnx(path)
        runtime.update(file.runtime)
        facts = _facts(name, trained, measured, file, rows, texts, work)
        facts.graph_equal = compared[name].graph_equal
        verdict, cause, detail = judge_classifier(facts, options.tolerance)
        if not facts.graph_equal and verdict != "fail":
            detail = "; ".join(filter(None, [detail, _ANSWERS_ALONE]))
        formats.append(
            FormatParity(**facts.model_dump(), identical=True, detail=detail, cause=cause, verdict=verdict)
        )
    return formats, runtime


def _facts(
    name: str,
    trained: TrainedModel,
    measured: _Side,
    file: OnnxModel,
    rows: HeldOut,
    texts: list[str],
    work: Work,
) -> FileFacts:
    read = _read(file, texts, rows.dataset.task.labels or (), f"parity: {name}", work)
    numbers: dict[int, int] = {}
    groups = [numbers.setdefault(rows.groups[each.id], len(numbers)) for each in rows.examples]
    handler = handler_for(rows.dataset.task)
    value, difference = metric_difference(
        handler, rows.examples, groups, measured.predictions, read.predictions
    )
    interval = MetricValue(value=difference.value, low=difference.low, high=difference.high)
    pairs = zip(measured.predictions, read.predictions, strict=True)
    return FileFacts(
        format=name,
        rows=len(texts),
        groups=len(numbers),
        positions=0,
        templates_equal=True,
        prompt_ids_equal=trained.features(texts) == file.features(texts),
        eos_equal=True,
        metric=difference.metric,
        measured=value,
        exported=value + difference.value,
        metric_difference=rule_of_three(interval, len(numbers)),
        answers_equal=statistics.fmean(mine.text == other.text for mine, other in pairs),
        largest_difference=measured.difference(read, logs=LOG_PROBABILITIES in file.description.outputs),
        size_bytes=file.path.stat().st_size,
        median_latency_s=statistics.median(each.latency_s for each in read.predictions),
    )


def _measured(trained: TrainedModel, texts: list[str], labels: Sequence[str]) -> _Side:
    """By the code that evaluation runs."""
    tables, answers = trained.judged(texts, labels)
    return _Side(tables, [Prediction(text, logprobs=each) for text, each in answers])


def _read(file: OnnxModel, texts: list[str], labels: Sequence[str], what: str, work: Work) -> _Side:
    """By the file, one text at a time, as it is served."""
    work.progress.start(what, len(texts))
    side = _Side([], [])
    for text in texts:
        work.cancel.check()
        began = time.perf_counter()
        tables, ((answer, known),) = file.judged([text], labels)
        seconds = time.perf_counter() - began
        side.predictions.append(Prediction(answer, latency_s=seconds, logprobs=known))
        side.tables += tables
        work.progress.advance()
    return side
