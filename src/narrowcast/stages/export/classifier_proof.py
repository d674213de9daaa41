"""ONNX files against the trained classifier: tables and metadata, then tokens, scores and answers."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from narrowcast.core.metric import MetricValue
from narrowcast.core.parity import FileFacts, FormatParity, judge_classifier, rule_of_three
from narrowcast.core.prediction import Prediction
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.models.classifiers.linear import answers_of
from narrowcast.models.classifiers.loading import TrainedClassifier
from narrowcast.models.onnx.identity import compare_onnx
from narrowcast.models.onnx.layout import Origin
from narrowcast.models.predictors.baseline import last_user_turn
from narrowcast.stages.export.exporter import HeldOut, Proof
from narrowcast.stages.export.parity import metric_difference
from narrowcast.stages.export.proof import refused
from narrowcast.tasks import handler_for
from narrowcast.tasks.prompt import request_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from narrowcast.models.onnx.reader import OnnxClassifier

    Floats = NDArray[np.float32]


_SMALLEST = 1e-30  # where every entry is 0, as the log-probability of the only class


@dataclass(slots=True)
class _Side:
    """What one side makes of the texts."""

    scores: Any
    log_probabilities: Any
    predictions: list[Prediction] = field(default_factory=list)

    def difference(self, other: _Side) -> float:
        """The largest of any class, in what the answers are made of."""
        if self.log_probabilities is None:
            return largest_difference(self.scores, other.scores, logs=False)
        return largest_difference(self.log_probabilities, other.log_probabilities, logs=True)


def largest_difference(ours: Floats, theirs: Floats, *, logs: bool) -> float:
    """Of two tables, relative to the largest entry; of log-probabilities also that of the probabilities.

    A low temperature makes large log-probabilities, and rounding errors that are as much larger.
    """
    import numpy as np

    size = max(float(np.abs(ours).max()), _SMALLEST)
    relative = np.abs(ours - theirs).max() / size
    return float(np.maximum(relative, np.abs(np.exp(ours) - np.exp(theirs)).max()) if logs else relative)


def compare_onnx_files(
    trained: TrainedClassifier,
    origin: Origin,
    proof: Proof,
    ctx: StageContext,
) -> tuple[list[FormatParity], dict[str, str]]:
    """See `Exporter.compare`."""
    from narrowcast.models.onnx.reader import OnnxClassifier

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
        file = OnnxClassifier(path)
        runtime.update(file.runtime)
        facts = _facts(name, trained, measured, file, rows, texts, work)
        facts.graph_equal = compared[name].graph_equal
        verdict, cause, detail = judge_classifier(facts, options.tolerance)
        formats.append(
            FormatParity(**facts.model_dump(), identical=True, detail=detail, cause=cause, verdict=verdict)
        )
    return formats, runtime


def _facts(
    name: str,
    trained: TrainedClassifier,
    measured: _Side,
    file: OnnxClassifier,
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
        prompt_ids_equal=_same_features(trained, file, texts),
        eos_equal=True,
        metric=difference.metric,
        measured=value,
        exported=value + difference.value,
        metric_difference=rule_of_three(interval, len(numbers)),
        answers_equal=statistics.fmean(mine.text == other.text for mine, other in pairs),
        largest_difference=measured.difference(read),
        size_bytes=file.path.stat().st_size,
        median_latency_s=statistics.median(each.latency_s for each in read.predictions),
    )


def _measured(trained: TrainedClassifier, texts: list[str], labels: list[str] | tuple[str, ...]) -> _Side:
    """Scores and answers by the code that evaluation runs."""
    classifier = trained.classifier
    scores = classifier.scores(texts, trained.encoder.embed if trained.encoder else None)
    logs = classifier.log_probabilities(scores)
    answers = answers_of(classifier.classes, scores, logs, labels, several=classifier.several)
    return _Side(scores, logs, [Prediction(text, logprobs=each) for text, each in answers])


def _read(
    file: OnnxClassifier, texts: list[str], labels: list[str] | tuple[str, ...], what: str, work: Work
) -> _Side:
    """The same by the file, one text at a time, as it is served."""
    import numpy as np

    work.progress.start(what, len(texts))
    tables, predictions = [], []
    logs: list[Floats] = []
    for text in texts:
        work.cancel.check()
        began = time.perf_counter()
        scores, probabilities = file.outputs([text])
        ((answer, known),) = answers_of(
            file.description.classes, scores, probabilities, labels, several=file.description.several
        )
        predictions.append(Prediction(answer, latency_s=time.perf_counter() - began, logprobs=known))
        tables.append(scores)
        if probabilities is not None:
            logs.append(probabilities)
        work.progress.advance()
    return _Side(np.concatenate(tables), np.concatenate(logs) if logs else None, predictions)


def _same_features(trained: TrainedClassifier, file: OnnxClassifier, texts: list[str]) -> bool:
    """Tokens and counted n-grams of every text."""
    bags = [bag.vocabulary for bag in trained.classifier.bags]
    counted = all(file.counted(text) == {each.kind: each.counted(text) for each in bags} for text in texts)
    return counted and (trained.encoder is None or trained.encoder.tokens(texts) == file.tokens(texts))
