"""The one table at the end of a run: every model that was measured, and what the numbers say to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.metric import Difference, MetricValue
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.verdict import Conclusion, Standing
from narrowcast.evaluation.conclude import LOOK_FOR_LEAKS
from narrowcast.evaluation.result import Unmeasured
from narrowcast.evaluation.rows import of_quick_runs
from narrowcast.evaluation.standing import conclusion_now
from narrowcast.experiments.tournament.result import Tournament
from narrowcast.models.predictors.load import model_title
from narrowcast.ops.ledger import ledger
from narrowcast.pipeline.project import Project
from narrowcast.stages import stage
from narrowcast.store.runs import current_run
from narrowcast.store.stage_records import load_record

# Stages whose records hold measurements, in the order of the table.
_MEASURING = ("baseline", "evaluate", "verify")

_NOTHING = "nothing was compared yet, so there is nothing to conclude"


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
        groups: groups of rows that are alike; None where they were not counted.
        looks: how often these rows were looked at.
        quick: models that were trained on a part of the rows.
        rows_drawn: how the measured rows were chosen, in words; empty where all were taken.
        unmeasured: baselines that were not measured, and why.
        left_out: models that were measured on other rows, and so have no place in the table.
        standing: of the tuned model; None where it was not compared.
        conclusion: what the numbers say, in one sentence.
        tournament: what was trained, and which was chosen on dev rows; None where one model was trained.
        next: commands to continue with.
    """

    project: str
    profile: str
    dataset_version: str
    split: str
    n: int
    groups: int | None = None
    looks: int
    primary: str
    rows: list[SummaryRow]
    quick: list[str] = Field(default_factory=list)
    unmeasured: list[Unmeasured] = Field(default_factory=list)
    rows_drawn: str = ""
    left_out: list[ModelRef] = Field(default_factory=list)
    differences: list[SummaryDifference]
    ledger_balanced: bool
    standing: Standing | None = None
    conclusion: str
    tournament: Tournament | None = None
    next: list[str]


def summarise(project: Project) -> Summary:
    """Read the records of the measuring stages; measures nothing itself."""
    results = {name: _result(project, name) for name in _MEASURING}
    current = current_run(project.paths)
    if current is not None:
        _drop_former(results, current.run_id, project.paths)
    evaluated = results["evaluate"]
    measured = [result for result in results.values() if result is not None]
    anchor = evaluated or next(iter(measured), None)
    rows: dict[ModelRef, SummaryRow] = {}
    left_out: dict[ModelRef, None] = {}
    # The figures of the evaluation first: it measured the baselines again, on its own rows.
    for result in sorted(measured, key=lambda each: each is not evaluated):
        for each in result.results:
            if _rows_of(result) == _rows_of(anchor):
                rows.setdefault(each.model, _row(each))
            elif each.model not in rows:
                left_out[each.model] = None
    conclusion, differences = None, []
    if evaluated is not None:
        tuned = evaluated.results[0]
        conclusion = conclusion_now(project.paths, evaluated, tuned)
        differences = [
            SummaryDifference(
                against=each.against, name=model_title(each.against), difference=each.difference
            )
            for each in evaluated.comparisons
            if each.model == tuned.model
        ]
    fine_tuned = [each for each in rows if each.name == "run" or each.is_file]
    return Summary(
        quick=of_quick_runs(project.paths, fine_tuned),
        rows_drawn=anchor.rows_drawn if anchor else "",
        project=project.slug,
        profile=project.config.task.profile if project.config.task else "",
        dataset_version=anchor.dataset_version if anchor else _prepared(project),
        split=anchor.split.value if anchor else "",
        n=anchor.n if anchor else 0,
        groups=anchor.groups if anchor else None,
        looks=max((each.looks for each in measured if _rows_of(each) == _rows_of(anchor)), default=0),
        primary=anchor.results[0].primary if anchor else "",
        rows=[rows[name] for name in _ordered(rows)],
        unmeasured=[each for each in anchor.unmeasured if each.model not in rows] if anchor else [],
        left_out=list(left_out),
        differences=differences,
        ledger_balanced=ledger(project).balanced,
        standing=conclusion.standing if conclusion else None,
        conclusion=conclusion.sentence if conclusion else _NOTHING,
        next=_next_steps(
            project,
            list(rows),
            conclusion,
            perfect=_is_perfect(rows.values()),
            trained=current is not None,
        ),
    )


def _drop_former(results: dict[str, Any], run_id: str, paths: ProjectPaths) -> None:
    """Leave out what was measured of another run than the current one, which alone would be exported."""
    evaluated = results["evaluate"]
    model = None if evaluated is None else evaluated.results[0].model
    if model is not None and model.name == "run" and model.argument != run_id:
        results.update(evaluate=None, verify=None)
    elif not (paths.gguf / run_id).is_dir():
        results["verify"] = None


def _rows_of(result: Any) -> tuple[object, ...]:
    """What names the rows that a stage measured on."""
    return () if result is None else (result.dataset_version, result.split, result.n, result.rows_drawn)


def _ordered(rows: Iterable[ModelRef]) -> list[ModelRef]:
    """Baselines, then the tuned model, then its files."""
    return sorted(rows, key=lambda name: 2 if name.is_file else int(name.name == "run"))


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
        name=model_title(result.model),
        metric=result.metrics[result.primary],
        latency_p50_ms=result.speed.latency_p50_ms,
        size_bytes=result.size_bytes,
    )


def _is_perfect(rows: Iterable[SummaryRow]) -> bool:
    """Whether a baseline leaves nothing to gain on these rows."""
    return any(
        each.metric.value >= 1.0 for each in rows if not each.model.is_file and each.model.name != "run"
    )


def _next_steps(
    project: Project,
    references: list[ModelRef],
    conclusion: Conclusion | None,
    *,
    perfect: bool = False,
    trained: bool = False,
) -> list[str]:
    if not references:
        return [f"narrowcast {'baseline' if load_record(project.paths, 'prepare') else 'prepare'}"]
    exported = [each.argument for each in references if each.is_file]
    steps = list(conclusion.next) if conclusion else []
    if conclusion is None:
        first = "narrowcast eval" if trained else LOOK_FOR_LEAKS if perfect else "narrowcast train"
        steps = [first]
    elif exported and not conclusion.blocks:
        serve = f"narrowcast serve --model {exported[0]}"
        kept = [each for each in steps if not each.startswith("narrowcast export")]
        steps = [serve, *kept] if conclusion.standing == "ahead" else [*kept, serve]
    return [*steps, "narrowcast events"]
