"""Measure, write the report, sum it up."""

from __future__ import annotations

from narrowcast.core.stage import StageContext
from narrowcast.evaluation.inputs import MeasureInputs
from narrowcast.evaluation.measure import Measurement, measure
from narrowcast.evaluation.options import MeasureOptions
from narrowcast.evaluation.report import write_report
from narrowcast.evaluation.result import MeasureResult
from narrowcast.plugins.optional import require


def measure_and_report(inputs: MeasureInputs, options: MeasureOptions, ctx: StageContext) -> MeasureResult:
    """The body of every measuring stage; raises what `measure` raises."""
    require("numpy", "sklearn", "matplotlib", purpose="measuring models")
    measurement = measure(inputs, options, ctx)
    folder = ctx.project.reports / ctx.run_id
    result = _result(inputs, measurement, ctx.project.relative(folder))
    ctx.progress.start("writing the report")
    write_report(folder, result, measurement)
    _emit_gates(result, ctx)
    return result


def _result(inputs: MeasureInputs, found: Measurement, report: str) -> MeasureResult:
    results = [model.result for model in found.models]
    return MeasureResult(
        artifacts=[report, *(each.predictions for each in results)],
        summary="; ".join(_line(each.model, each.primary, each.metrics) for each in results),
        payload={
            "report": report,
            "split": found.split.value,
            "n": len(found.examples),
            "looks": found.looks,
            "models": {each.model: each.metrics[each.primary].model_dump() for each in results},
            "verdicts": {each.model: each.verdict for each in results if each.verdict},
        },
        report=report,
        base=inputs.base,
        dataset_version=inputs.dataset_version,
        split=found.split,
        n=len(found.examples),
        rows_drawn=found.rows_drawn,
        looks=found.looks,
        results=results,
        comparisons=found.comparisons,
        warnings=found.warnings,
    )


def _line(model: str, primary: str, metrics: dict) -> str:  # type: ignore[type-arg]
    value = metrics[primary]
    return f"{model} {primary} {value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _emit_gates(result: MeasureResult, ctx: StageContext) -> None:
    for each in result.results:
        for gate in each.gates:
            if gate.verdict == "fail":
                ctx.emit(
                    "eval_gate_failed", f"{each.model}: {gate.gate_id}: {gate.reason}", gate.model_dump()
                )
