"""What gates and comparisons say of a model together: whether it is worth shipping, and what to do next."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from narrowcast.core.metric import Gate, GateOutcome, Verdict
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.verdict import Conclusion
from narrowcast.evaluation.result import Comparison, Unmeasured
from narrowcast.models.classifiers.recipe import NAMED
from narrowcast.models.predictors.load import cost_rank

BASELINE_GATE = "beats_every_baseline"

LOOK_FOR_LEAKS = "narrowcast data leakage train test"
"""What is worth doing where a baseline has every row right: test rows may be known from train."""

MORE_ROWS = "narrowcast data import --locator SCHEME:PATH"

_TRIVIAL = ("majority",)


def baseline_gate(primary: str, comparisons: Sequence[Comparison]) -> GateOutcome:
    """The default gate on quality: better than every baseline on the same rows; worse than one fails."""
    verdict: Verdict = "not_enough_data"
    hardest = min(comparisons, key=lambda each: each.difference.value, default=None)
    if hardest is None:
        reason = "it was compared with no baseline: narrowcast baseline"
    else:
        verdicts = {each.verdict for each in comparisons}
        verdict = "fail" if "worse" in verdicts else "pass" if verdicts == {"better"} else "not_enough_data"
        reason = "; ".join(_shown(each) for each in comparisons)
    gate = Gate(gate_id=BASELINE_GATE, metric=primary, operator="gte", threshold=0.0)
    return GateOutcome(**gate.model_dump(), verdict=verdict, reason=reason)


def undecided_gate(gate: GateOutcome, why: str) -> GateOutcome:
    """A gate on a model that may have been trained on the measured rows: it passes nothing."""
    if gate.verdict != "pass":
        return gate
    reason = f"{gate.reason}; whether the model knows these rows cannot be known: {why}"
    return gate.model_copy(update={"verdict": "not_enough_data", "reason": reason})


@dataclass(frozen=True, slots=True)
class Training:
    """How long a model was trained, in updates, and how long it would be by default.

    Attributes:
        options: of `narrowcast train`, for a model of the same method on the same base.
        drawn: which part of the train rows it saw, in words; empty where it saw all.
        has_base: another base model may be better; of a linear classifier it is not advised.
        export: the command that exports the model.
    """

    updates: int
    default_updates: int
    default_epochs: int
    options: str
    drawn: str = ""
    has_base: bool = True
    export: str = "narrowcast export"


def conclude(
    model: ModelRef,
    gates: Sequence[GateOutcome],
    comparisons: Sequence[Comparison],
    training: Training | None = None,
    unmeasured: Sequence[Unmeasured] = (),
    perfect: Collection[ModelRef] = (),
    *,
    twin: ModelRef | None = None,
    can_fit: bool = False,
) -> Conclusion:
    """The conclusion on one model, from all of its gates and from the interval of every comparison.

    Args:
        model: its reference.
        gates: what they said of it.
        comparisons: with every baseline but its twin.
        training: how long it was trained.
        unmeasured: baselines that were not measured.
        perfect: baselines that reach the highest value of the metric.
        twin: the measured baseline that is the same model.
        can_fit: the task's baselines can be fitted as runs that are exported and served.
    """
    worse = [each for each in comparisons if each.verdict == "worse"]
    stopped = [gate for gate in gates if gate.blocks and gate.gate_id != BASELINE_GATE]
    open_ = [each for each in comparisons if each.verdict != "better"]
    if training is not None and training.drawn and (worse or (open_ and not stopped)):
        return _quick(model, training, worse, open_, can_fit)
    if worse:
        return _lost(model, worse, stopped, _longer(training, perfect), _improve(training, perfect), can_fit)
    if stopped:
        otherwise = _either(_longer(training))
        return Conclusion(
            standing="failed",
            sentence=f"do not ship {model}: {_names(stopped)} ({stopped[0].reason}); {otherwise}",
            next=_improve(training),
        )
    if not comparisons:
        but = f" but {twin}, the same model" if twin else ""
        return Conclusion(
            standing="not_compared",
            sentence=f"{model} was compared with no baseline{but}, so nothing says that it is worth shipping",
            next=["narrowcast baseline", f"narrowcast eval {model}"],
        )
    if open_:
        steps = [*_improve(training, perfect), *_ship(model, training)]
        return _undecided(model, open_, _longer(training, perfect), steps, can_fit)
    hardest = min(comparisons, key=lambda each: each.difference.value)
    uncertain = [gate for gate in gates if gate.verdict == "not_enough_data"]
    return Conclusion(
        standing="ahead",
        sentence=f"{model} beats {_every(comparisons, twin)}; the closest is {_shown(hardest)}"
        + (f"; {twin}, the same model, is not compared" if twin else "")
        + (f"; not measured: {', '.join(each.model for each in unmeasured)}" if unmeasured else "")
        + (f"; {_names(uncertain)}" if uncertain else ""),
        next=[*(["narrowcast baseline"] if _only_trivial(comparisons) else []), *_ship(model, training)],
    )


def _quick(
    model: ModelRef,
    training: Training,
    worse: Sequence[Comparison],
    open_: Sequence[Comparison],
    can_fit: bool,
) -> Conclusion:
    """Baselines may have had all train rows, and the model had a part: more rows may change this."""
    drawn = f"{model}, which was trained on {training.drawn}"
    if worse:
        best = _simplest(worse)
        return Conclusion(
            standing="lost",
            sentence=f"do not ship {drawn}: {best.against} is better (difference to {_shown(best)}); "
            f"ship {best.against}, or train on all rows",
            next=[*(_fit(best.against) if can_fit else []), *_improve(training)],
        )
    differences = "; ".join(_shown(each) for each in open_)
    return Conclusion(
        standing="undecided",
        sentence=f"train on all rows before this is decided: {drawn}, is not shown to be better than "
        f"{_against(open_)} (difference to {differences})",
        next=_improve(training),
    )


def not_known(
    model: ModelRef, why: str, training: Training | None, baselines: list[ModelRef] | None
) -> Conclusion:
    """The conclusion on a model that nothing stops, but which may have been trained on the measured rows."""
    return Conclusion(
        standing="unknown",
        sentence=f"whether {model} knows the rows it was measured on cannot be known: {why}",
        next=[f"narrowcast train{f' {training.options}' if training else ''}"],
        baselines=baselines,
    )


def _lost(
    model: ModelRef,
    worse: Sequence[Comparison],
    stopped: Sequence[GateOutcome],
    otherwise: Sequence[str],
    steps: list[str],
    can_fit: bool,
) -> Conclusion:
    """A baseline is better; `otherwise` and `steps` say what else there is to do."""
    best = _simplest(worse)
    also = f"; gates that block it as well: {_names(stopped)}" if stopped else ""
    return Conclusion(
        standing="lost",
        sentence=f"do not ship {model}: {best.against} is better (difference to {_shown(best)}){also}; "
        f"{_either([f'ship {best.against}', *otherwise])}",
        next=[*(_fit(best.against) if can_fit else []), *steps],
    )


def _undecided(
    model: ModelRef, level: Sequence[Comparison], otherwise: Sequence[str], steps: list[str], can_fit: bool
) -> Conclusion:
    """The model is not shown to be better than some baselines."""
    differences = "; ".join(_shown(each) for each in level)
    simplest = min(level, key=lambda each: cost_rank(each.against)).against
    ways = _either([f"ship what is simpler{_named(level)}", "measure more rows", *otherwise])
    return Conclusion(
        standing="undecided",
        sentence=f"{model} is not shown to be better than {_against(level)} "
        f"(difference to {differences}): {ways}",
        next=[*(_fit(simplest) if can_fit else []), *steps],
    )


def _simplest(comparisons: Sequence[Comparison]) -> Comparison:
    """The baseline that is most ahead; of those that print the same figure, the one that costs least."""
    return min(comparisons, key=lambda each: (round(each.difference.value, 3), cost_rank(each.against)))


def _named(open_: Sequence[Comparison]) -> str:
    """Which baseline that is, where one does at least as well on these rows."""
    level = [each for each in open_ if each.difference.value <= 0]
    return f" ({min(level, key=lambda each: cost_rank(each.against)).against})" if level else ""


def _every(comparisons: Sequence[Comparison], twin: ModelRef | None) -> str:
    names, other = _against(comparisons), "other " if twin else ""
    if _only_trivial(comparisons):
        return f"{names}, the only {other}baseline measured"
    return f"every {other}baseline measured ({names})"


def _only_trivial(comparisons: Sequence[Comparison]) -> bool:
    return all(each.against.name in _TRIVIAL for each in comparisons)


def _against(comparisons: Sequence[Comparison]) -> str:
    return ", ".join(each.against for each in comparisons)


def _shown(each: Comparison) -> str:
    by = each.difference
    return (
        f"{each.against} {by.value:+.3f} [{by.low:+.3f}, {by.high:+.3f}] {by.metric}"
        f"{f', {each.too_small}' if each.too_small else ''}"
    )


def _names(gates: Sequence[GateOutcome]) -> str:
    words = {"fail": "fails", "not_enough_data": "cannot be decided on so few rows", "pass": "passes"}
    return ", ".join(f"gate {gate.gate_id} {words[gate.verdict]}" for gate in gates)


def _ship(model: ModelRef, training: Training | None) -> list[str]:
    if model.name != "run":
        return []
    return [training.export if training else "narrowcast export"]


def _fit(baseline: ModelRef) -> list[str]:
    """The command that makes a run of a baseline."""
    if baseline.name not in NAMED:
        return []
    features, kind = NAMED[baseline.name]
    base = f" --base {baseline.argument}" if baseline.argument else ""
    return [f"narrowcast train --method linear --features {','.join(features)} --classifier {kind}{base}"]


def _longer(training: Training | None, perfect: Collection[ModelRef] = ()) -> list[str]:
    """What may make the model better."""
    if perfect:
        first = min(perfect, key=cost_rank)
        return [f"import harder rows: nothing can be better than {first} on these"]
    if training is not None and training.drawn:
        return ["train on all rows"]
    if training is None or training.updates >= training.default_updates:
        return ["add data"]
    updates = f"{training.updates:,} updates, the default is {training.default_updates:,}"
    return ["add data", f"train longer: {updates}"]


def _either(ways: Sequence[str]) -> str:
    """`a`, `a, or b`, `a, b, or c`."""
    return ", or ".join([", ".join(ways[:-1]), ways[-1]] if len(ways) > 1 else ways)


def _improve(training: Training | None, perfect: Collection[ModelRef] = ()) -> list[str]:
    if perfect:
        return [LOOK_FOR_LEAKS]
    if training is not None and training.drawn:
        return [f"narrowcast train {training.options}"]
    if training is None or training.updates >= training.default_updates:
        return ["narrowcast models list" if training is None or training.has_base else MORE_ROWS]
    return [f"narrowcast train {training.options} --epochs {training.default_epochs}"]
