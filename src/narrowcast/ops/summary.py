"""The one table at the end of a run: every model that was measured, and what the numbers say to do."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.metric import Difference, MetricValue
from narrowcast.core.model_ref import ModelRef
from narrowcast.ops.ledger import ledger
from narrowcast.pipeline.project import Project
from narrowcast.stages import stage
from narrowcast.store.stage_records import load_record

# Stages whose records hold measurements, in the order of the table.
_MEASURING = ("baseline", "evaluate", "verify")

_NAMES = {
    "majority": "majority answer",
    "tfidf": "TF-IDF + linear",
    "base": "base model",
    "base-few-shot": "base model with shots",
}


class SummaryRow(BaseModel):
    """One model on the held-out rows."""

    model: ModelRef = Field(description="Its reference, e.g. gguf:q8_0.")
    name: str
    metric: MetricValue
    latency_p50_ms: float
    size_bytes: int | None


class SummaryDifference(BaseModel):
    """The fine-tuned model minus another one, on the same rows."""

    against: ModelRef
    name: str
    difference: Difference


class Summary(BaseModel):
    """What `narrowcast run` and `narrowcast demo` end in.

    Attributes:
        split, n: the rows all models were measured on.
        looks: accesses to that split.
        conclusion: what the numbers say, in one sentence.
        next: commands to continue with.
    """

    project: str
    profile: str
    dataset_version: str
    split: str
    n: int
    looks: int
    primary: str
    rows: list[SummaryRow]
    differences: list[SummaryDifference]
    ledger_balanced: bool
    conclusion: str
    next: list[str]


def summarise(project: Project) -> Summary:
    """Read the records of the measuring stages; measures nothing itself."""
    results = [_result(project, name) for name in _MEASURING]
    measured = [result for result in results if result is not None]
    rows: dict[ModelRef, SummaryRow] = {}
    differences: list[SummaryDifference] = []
    for result in measured:
        for each in result.results:
            rows.setdefault(each.model, _row(each))
    evaluated = _result(project, "evaluate")
    if evaluated is not None:
        tuned = evaluated.results[0].model
        differences = [
            SummaryDifference(against=each.against, name=_name(each.against), difference=each.difference)
            for each in evaluated.comparisons
            if each.model == tuned
        ]
    last = measured[-1] if measured else None
    return Summary(
        project=project.slug,
        profile=project.config.task.profile if project.config.task else "",
        dataset_version=last.dataset_version if last else _prepared(project),
        split=last.split.value if last else "",
        n=last.n if last else 0,
        looks=last.looks if last else 0,
        primary=last.results[0].primary if last else "",
        rows=list(rows.values()),
        differences=differences,
        ledger_balanced=ledger(project).balanced,
        conclusion=_conclusion(differences),
        next=_next_steps(project, list(rows), differences),
    )


def _prepared(project: Project) -> str:
    """The version that the last `prepare` made; "" where none did."""
    record = load_record(project.paths, "prepare")
    return "" if record is None else str(record.result["version"])


def _result(project: Project, name: str) -> Any:
    record = load_record(project.paths, name)
    return None if record is None else stage(name).result.model_validate(record.result)


def _row(result: Any) -> SummaryRow:
    return SummaryRow(
        model=result.model,
        name=_name(result.model),
        metric=result.metrics[result.primary],
        latency_p50_ms=result.speed.latency_p50_ms,
        size_bytes=result.size_bytes,
    )


def _name(reference: ModelRef) -> str:
    if reference.name == "run":
        return "fine-tuned"
    if reference.name == "gguf":
        return f"fine-tuned, exported {reference.argument}"
    return _NAMES.get(reference, reference)


def _conclusion(differences: list[SummaryDifference]) -> str:
    """An honest answer to "did it pay?": judged against the strongest baseline, on the interval."""
    if not differences:
        return "no models were compared yet"
    hardest = min(differences, key=lambda each: each.difference.value)
    difference = hardest.difference
    span = f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}] in {difference.metric}"
    if difference.low > 0:
        return f"the fine-tuned model beats every baseline; over the strongest, {hardest.name}: {span}"
    if difference.high < 0:
        return f"do not deploy the fine-tuned model: {hardest.name} is better ({span})"
    return f"no difference to {hardest.name} is shown ({span}); it is simpler, so use it or measure more rows"


def _next_steps(
    project: Project, references: list[ModelRef], differences: list[SummaryDifference]
) -> list[str]:
    name = f"--project {project.slug}"
    if not references:
        return [f"narrowcast {'baseline' if load_record(project.paths, 'prepare') else 'prepare'} {name}"]
    exported = [each.argument for each in references if each.name == "gguf"]
    if any(each.difference.high < 0 for each in differences):  # nothing to serve
        steps = [f"narrowcast models list; then narrowcast run {name} with a larger train.base"]
    else:
        steps = [f"narrowcast serve {name} --model {exported[0]}"] if exported else []
    if any(each.name == "run" for each in references):
        steps.append(f"narrowcast compare tfidf {references[-1]} {name}")
    steps.append(f"narrowcast events {name}")
    return steps
