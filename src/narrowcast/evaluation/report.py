"""The report folder: `report.json` for machines, `report.md` and pictures for people, failures as rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from narrowcast.core.seal import Seal
from narrowcast.evaluation.figures.bars import draw_bars
from narrowcast.evaluation.figures.confusion import draw_confusion
from narrowcast.evaluation.figures.models import draw_models
from narrowcast.evaluation.markdown import render_markdown
from narrowcast.evaluation.measure import Measured, Measurement
from narrowcast.evaluation.result import MeasureResult
from narrowcast.store.files import write_json, write_jsonl, write_text
from narrowcast.store.seals import sealed_folder

_FAILURES = 50
_BAR_FILES = {"f1": "per_class.png", "accuracy": "per_field.png"}
_HEADINGS = {"f1": "F1", "accuracy": "Accuracy"}


def write_report(folder: Path, result: MeasureResult, measurement: Measurement, seal: Seal) -> None:
    """Write the whole folder, or leave what was there.

    Pictures of details (confusion matrix, classes, fields) show one model: the first that is gated, or
    the best of the baselines.
    """
    subject = _subject(measurement.models)
    with sealed_folder(folder, seal) as part:
        write_json(part / "report.json", result.model_dump(mode="json"))
        failures = {model.reference: failing_rows(model, measurement) for model in measurement.models}
        for model in measurement.models:
            write_jsonl(part / model.result.failures, failures[model.reference])
        pictures = _draw(part, result, subject)
        text = render_markdown(result, subject, failures[subject.reference], pictures)
        write_text(part / "report.md", text)


def failing_rows(model: Measured, measurement: Measurement) -> list[dict[str, object]]:
    """The first wrong answers, in the order of the rows."""
    rows = []
    for example, outcome, prediction in zip(
        measurement.examples, model.scores.rows, model.answers.predictions, strict=True
    ):
        if outcome.correct:
            continue
        rows.append(
            {
                "id": example.id,
                "inputs": example.inputs,
                "expected": outcome.expected,
                "predicted": outcome.predicted,
                "text": prediction.text,
                "error": outcome.error,
            }
        )
        if len(rows) == _FAILURES:
            break
    return rows


def _subject(models: Sequence[Measured]) -> Measured:
    gated = [model for model in models if model.result.gates]
    return gated[0] if gated else max(models, key=lambda each: each.scores.metrics[each.scores.primary])


def _draw(folder: Path, result: MeasureResult, subject: Measured) -> dict[str, str]:
    """Pictures drawn: file name to a caption."""
    rows = f"{result.split} split, {result.n:,} rows"
    subjects = [each.model for each in result.results if each.gates] or [subject.reference]
    pictures = {"models.png": "Every model on the same rows"}
    (folder / "models.png").write_bytes(draw_models(result.results, subjects=subjects, sub=rows))
    sub = f"{subject.reference}, {rows}"
    details = subject.scores.details
    if "confusion" in details:
        picture = draw_confusion(details["labels"], details["confusion"], heading="Confusion matrix", sub=sub)
        (folder / "confusion.png").write_bytes(picture)
        pictures["confusion.png"] = f"Confusion matrix of {subject.reference}"
    support = {name: each["support"] for name, each in details.get("per_class", {}).items()}
    for metric, parts in subject.result.breakdown.items():
        name = _BAR_FILES.get(metric, f"{metric}.png")
        kind = "field" if metric == "accuracy" else "class" if support else "span type"
        picture = draw_bars(
            parts,
            metric=metric,
            heading=f"{_HEADINGS.get(metric, metric)} by {kind}",
            sub=sub,
            support=support,
        )
        (folder / name).write_bytes(picture)
        pictures[name] = f"{_HEADINGS.get(metric, metric)} by {kind}, {subject.reference}"
    return pictures
