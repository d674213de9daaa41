"""The measuring itself: rows, requests, answers, scores, intervals, gates, comparisons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from narrowcast.core.example import Example
from narrowcast.core.metric import Gate, MetricValue
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import AnswerKind, Split
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.evaluation.answering import Questions
from narrowcast.evaluation.conclude import Training, baseline_gate, conclude, not_known, undecided_gate
from narrowcast.evaluation.groups import row_groups
from narrowcast.evaluation.inputs import MeasureInputs, predictor_context
from narrowcast.evaluation.options import MeasureOptions
from narrowcast.evaluation.predictions import Answers
from narrowcast.evaluation.result import Comparison, ModelResult, Speed, Unmeasured
from narrowcast.evaluation.rows import (
    check_not_trained_on,
    count_access,
    held_out_rows,
    of_quick_runs,
    requests_of,
)
from narrowcast.evaluation.time_box import TimeBox
from narrowcast.store.datasets import read_split
from narrowcast.tasks import handler_for
from narrowcast.tasks.base import TaskScores
from narrowcast.tasks.bootstrap import (
    Bootstrap,
    bootstrap,
    holm,
    paired_difference,
    percentile,
    too_few_to_compare,
)
from narrowcast.tasks.gates import check_metrics, judge, overall


@dataclass(frozen=True, slots=True)
class Measured:
    """One model with everything the report draws from."""

    reference: ModelRef
    answers: Answers
    scores: TaskScores
    bootstrap: Bootstrap
    result: ModelResult


@dataclass(frozen=True, slots=True)
class Measurement:
    """All models of a run, on the same rows."""

    split: Split
    examples: list[Example]
    rows_drawn: str
    looks: int
    warnings: list[str]
    models: list[Measured]
    comparisons: list[Comparison]
    groups: int


def measure(inputs: MeasureInputs, options: MeasureOptions, ctx: StageContext) -> Measurement:
    """Measure `inputs.models` (gated) and `inputs.against` (baselines), one at a time.

    What the same weights answered to the same prompts before is read, not asked again.

    Raises:
        DataError: if the split has no rows.
        StageError: if rows to be measured were trained on.
        ModelError: if a model cannot be loaded or fails.
        CancelledError: on request; nothing of the current model is kept.
    """
    manifest, handler = inputs.manifest, handler_for(inputs.task)
    examples, rows_drawn = held_out_rows(ctx.project, manifest, options, inputs.seed)
    bars = handler.default_gates() if inputs.gates is None else inputs.gates
    if bars:
        check_metrics(bars, handler.metric_names(examples))
    fingerprints = {**inputs.models, **inputs.against}
    split = Split(options.split)
    exposure = check_not_trained_on(ctx.project, manifest, split, examples, list(fingerprints))
    warnings = exposure.warnings + of_quick_runs(ctx.project, list(fingerprints))
    looks = count_access(ctx, manifest, split, list(fingerprints))
    requests = requests_of(examples, inputs.task, inputs.max_tokens)
    context = replace(
        predictor_context(ctx.project, ctx.settings, inputs),
        work=Work(ctx.progress, ctx.cancel),
        caps=options.caps,
        price=options.price,
        run_id=ctx.run_id,
    )
    everything = read_split(ctx.project, manifest, split) if rows_drawn else examples
    groups = row_groups(everything, examples, manifest, ctx.cancel)
    questions = Questions(examples, requests, context, inputs, options, ctx)
    models: list[Measured] = []
    box = TimeBox(inputs.seconds)
    for reference, fingerprint in fingerprints.items():
        # The first is the cheapest, and a table of nothing would say nothing.
        outputs = questions.answers(reference, fingerprint, box if models else TimeBox(None))
        if isinstance(outputs, Unmeasured):
            inputs.unmeasured.append(outputs)
            continue
        scores = handler.score(examples, outputs.predictions)
        drawn = bootstrap(scores, samples=options.samples, seed=inputs.seed, groups=groups)
        result = _result(reference, split, outputs, scores, drawn, ctx)
        models.append(Measured(reference, outputs, scores, drawn, result))
    comparisons = _compare(models, inputs)
    for model in models:
        if model.reference in inputs.models:
            _judge(model, bars, inputs)
            if inputs.training is not None:
                perfect = [each.reference for each in models if each.result.is_perfect]
                _conclude(model, comparisons, inputs, [each for each in perfect if each in inputs.against])
            if why := exposure.unknown.get(model.reference):
                _withhold(model, why, (inputs.training or {}).get(model.reference))
    warnings += [*_ceiling(models[0].scores), *_absent(models[0])]
    count = len(set(groups))
    return Measurement(split, examples, rows_drawn, looks, warnings, models, comparisons, count)


def _judge(model: Measured, bars: Sequence[Gate], inputs: MeasureInputs) -> None:
    """Enter what the gates say in the model's result."""
    if bars:
        model.result.gates = judge(bars, model.bootstrap, candidates=len(inputs.models))
        model.result.verdict = overall(model.result.gates)


def _withhold(model: Measured, why: str, training: Training | None) -> None:
    """Let no gate pass, and nothing speak for the model, as nobody can tell whether it knows the rows."""
    result = model.result
    result.gates = [undecided_gate(gate, why) for gate in result.gates]
    if result.gates:
        result.verdict = overall(result.gates)
    if result.conclusion is not None and not result.conclusion.blocks:
        result.conclusion = not_known(model.reference, why, training, result.conclusion.baselines)


def _conclude(
    model: Measured, comparisons: Sequence[Comparison], inputs: MeasureInputs, perfect: Sequence[ModelRef]
) -> None:
    """Enter the conclusion, and by default the gate on quality."""
    own = [each for each in comparisons if each.model == model.reference and each.against in inputs.against]
    gates = model.result.gates
    if inputs.gates is None:
        gates.append(baseline_gate(model.scores.primary, own))
        model.result.verdict = overall(gates)
    conclusion = conclude(
        model.reference,
        gates,
        own,
        (inputs.training or {}).get(model.reference),
        inputs.unmeasured,
        perfect,
        twin=inputs.twins.get(model.reference),
        can_fit=handler_for(inputs.task).answer in _FITTED_BY_FEATURES,
    )
    named = [each.model for each in inputs.unmeasured if each.model in inputs.measured]
    conclusion.baselines = [*inputs.against, *named]
    model.result.conclusion = conclusion.beside(inputs.measured, (), model.reference)


def _absent(model: Measured) -> list[str]:
    """Labels that no row has: a mean over labels then is one over the others, mostly the easier ones."""
    absent = model.result.absent
    if not absent:
        return []
    total = len(model.scores.details["labels"])
    names = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
    return [f"macro_f1 is a mean over {total - len(absent)} of {total} labels: no row is {names}"]


def _ceiling(scores: TaskScores) -> list[str]:
    """What the form of the answers itself costs, where it costs anything."""
    ceiling = scores.details.get("ceiling", 1.0)
    if ceiling == 1.0:
        return []
    text = (
        f"answers name texts, not places: {scores.primary} can reach {ceiling:.4f} here, because some texts"
    )
    return [f"{text} occur more than once"]


def failures_name(reference: str) -> str:
    """File name of a model's failures, below the report folder."""
    return f"{slug(reference)}.failures.jsonl"


def slug(reference: str) -> str:
    """A reference as part of a file name."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in reference).strip("-.")


def _result(
    reference: ModelRef,
    split: Split,
    outputs: Answers,
    scores: TaskScores,
    drawn: Bootstrap,
    ctx: StageContext,
) -> ModelResult:
    per_class = scores.details.get("per_class", {})
    return ModelResult(
        model=reference,
        note=outputs.note,
        split=split,
        n=len(scores.rows),
        primary=scores.primary,
        metrics={name: value for name, value in drawn.values.items() if "/" not in name},
        breakdown=_breakdown(drawn.values),
        errors=dict(Counter(row.error for row in scores.rows if row.error).most_common()),
        speed=_speed(outputs),
        size_bytes=outputs.size_bytes,
        predictions=ctx.project.relative(outputs.path),
        failures=failures_name(reference),
        small={
            name: each.too_small
            for name, each in drawn.estimates.items()
            if each.too_small and "/" not in name
        },
        absent=[label for label, each in per_class.items() if not each["support"]],
    )


def _breakdown(values: Mapping[str, MetricValue]) -> dict[str, dict[str, MetricValue]]:
    """`f1/card_arrival` → `{"f1": {"card_arrival": ...}}`; a label may hold slashes itself."""
    table: dict[str, dict[str, MetricValue]] = {}
    for name, value in values.items():
        metric, slash, part = name.partition("/")
        if slash:
            table.setdefault(metric, {})[part] = value
    return table


def _speed(outputs: Answers) -> Speed:
    seconds = [each.latency_s for each in outputs.predictions]
    tokens, total = sum(each.tokens for each in outputs.predictions), sum(seconds)
    return Speed(
        latency_p50_ms=percentile(seconds, 0.5) * 1000,
        latency_p95_ms=percentile(seconds, 0.95) * 1000,
        tokens_per_second=tokens / total if tokens and total else None,
        load_seconds=outputs.load_seconds,
        reused=outputs.reused,
    )


# Spans are tagged whatever the features, so that no option of a run names the baseline it is.
_FITTED_BY_FEATURES = (AnswerKind.LABEL, AnswerKind.LABELS, AnswerKind.FIELDS)


def _compare(models: Sequence[Measured], inputs: MeasureInputs) -> list[Comparison]:
    """Each gated model with each baseline; where there is no baseline, the best with each other.

    The best is chosen on the same rows, so every pair counts where p-values are corrected.
    """
    subjects = [each for each in models if each.reference in inputs.models]
    baselines = [each for each in models if each.reference in inputs.against]
    pairs = [
        (subject, baseline)
        for subject in subjects
        for baseline in baselines
        if inputs.twins.get(subject.reference) != baseline.reference
    ]
    if not baselines:
        ordered = sorted(subjects, key=lambda each: -each.scores.metrics[each.scores.primary])
        pairs = list(combinations(ordered, 2))
    comparisons = [_paired(subject, baseline) for subject, baseline in pairs]
    p_values = [each.difference.p_value for each in comparisons]
    for each, adjusted in zip(comparisons, holm(p_values), strict=True):
        each.difference.p_adjusted, each.difference.corrected_for = adjusted, len(comparisons)
    return comparisons if baselines else comparisons[: max(len(subjects) - 1, 0)]


def _paired(subject: Measured, baseline: Measured) -> Comparison:
    rows, groups = len(subject.scores.rows), subject.bootstrap.group_count
    return Comparison(
        model=subject.reference,
        against=baseline.reference,
        n=rows,
        groups=groups,
        too_small=too_few_to_compare(rows, groups),
        difference=paired_difference(
            subject.bootstrap, baseline.bootstrap, subject.scores.primary, (subject.scores, baseline.scores)
        ),
    )
