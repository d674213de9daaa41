"""Measure, write the report, sum it up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from narrowcast.core.metric import MetricValue
from narrowcast.core.stage import StageContext
from narrowcast.core.verdict import BaselineDifference, Conclusion, RunVerdict
from narrowcast.evaluation.inputs import MeasureInputs, known_baselines
from narrowcast.evaluation.measure import Measurement, measure
from narrowcast.evaluation.options import MeasureOptions
from narrowcast.evaluation.report import write_report
from narrowcast.evaluation.result import MeasureResult
from narrowcast.plugins.optional import require
from narrowcast.store.access import COUNTED
from narrowcast.store.verdicts import save_verdict


def measure_and_report(inputs: MeasureInputs, options: MeasureOptions, ctx: StageContext) -> MeasureResult:
    """The body of every measuring stage; raises what `measure` raises.

    What is concluded of a trained run on test or golden rows is kept as its verdict.
    """
    require("numpy", "sklearn", "matplotlib", purpose="measuring models")
    measurement = measure(inputs, options, ctx)
    folder = ctx.project.reports / ctx.run_id
    result = _result(inputs, measurement, ctx.project.relative(folder), ctx)
    ctx.progress.start("writing the report")
    write_report(folder, result, measurement, ctx.seal)
    _emit_gates(result, ctx)
    if inputs.training is not None and result.split in COUNTED:
        for verdict in _verdicts(result):
            save_verdict(ctx.project, verdict, ctx.seal, force=ctx.force)
    return result


def _kept(conclusion: Conclusion, rows_drawn: str) -> Conclusion:
    """What later steps show of a conclusion, with the rows it rests on where these are not all."""
    if not rows_drawn:
        return conclusion
    return conclusion.model_copy(update={"sentence": f"{conclusion.sentence}; measured on {rows_drawn}"})


def _verdicts(result: MeasureResult) -> Iterator[RunVerdict]:
    """What the result says of each trained run in it."""
    for each in result.results:
        if each.conclusion is None or each.model.name != "run":
            continue
        yield RunVerdict(
            run_id=each.model.argument,
            dataset_version=result.dataset_version,
            split=result.split,
            n=each.n,
            groups=result.groups or each.n,
            gates=each.gates,
            baselines=[
                BaselineDifference(against=pair.against, difference=pair.difference, verdict=pair.verdict)
                for pair in result.comparisons
                if pair.model == each.model
            ],
            conclusion=_kept(each.conclusion, result.rows_drawn),
            rows_drawn=result.rows_drawn,
            report=result.report,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def _result(inputs: MeasureInputs, found: Measurement, report: str, ctx: StageContext) -> MeasureResult:
    results = [model.result for model in found.models]
    return MeasureResult(
        artifacts=[report, *(each.predictions for each in results)],
        summary="; ".join(_line(each.model, each.primary, each.metrics[each.primary]) for each in results),
        payload={
            "report": report,
            "split": found.split.value,
            "n": len(found.examples),
            "looks": found.looks,
            "models": {each.model: each.metrics[each.primary].model_dump() for each in results},
            "unmeasured": {each.model: each.reason for each in inputs.unmeasured},
            "verdicts": {each.model: each.verdict for each in results if each.verdict},
            "conclusions": {each.model: each.conclusion.standing for each in results if each.conclusion},
        },
        report=report,
        base=inputs.base,
        dataset_version=inputs.dataset_version,
        split=found.split,
        n=len(found.examples),
        rows_drawn=found.rows_drawn,
        groups=found.groups,
        looks=found.looks,
        results=results,
        comparisons=found.comparisons,
        warnings=found.warnings,
        unmeasured=inputs.unmeasured,
        baselines=[]
        if inputs.against or results[0].conclusion
        else known_baselines(ctx, inputs.dataset_version, [each.model for each in results]),
    )


def _line(model: str, primary: str, value: MetricValue) -> str:
    return f"{model} {primary} {value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _emit_gates(result: MeasureResult, ctx: StageContext) -> None:
    for each in result.results:
        for gate in each.gates:
            if gate.verdict == "fail":
                ctx.emit(
                    "eval_gate_failed", f"{each.model}: {gate.gate_id}: {gate.reason}", gate.model_dump()
                )
