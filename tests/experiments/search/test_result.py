"""Ranking and Pareto front."""

from __future__ import annotations

from narrowcast.core.metric import MetricValue
from narrowcast.experiments.measured_run import MeasuredRun
from narrowcast.experiments.search.figure import draw_pareto
from narrowcast.experiments.search.result import Trial, beside_best, latencies, pareto, ranked


def trial(number: int, score: float, base: str, latency: float, size: int) -> Trial:
    run = MeasuredRun(
        run_id=f"exp-{number}", base=base, method="full", seed=0, metric="macro_f1",
        score=MetricValue(value=score, low=score - 0.1, high=score + 0.1), n=100, train_loss=0.1,
        dev_loss=0.2, latency_p50_ms=latency, size_bytes=size, seconds=1.0,
    )  # fmt: skip
    return Trial(number=number, state="complete", varied={}, options={}, run_id=run.run_id, run=run)


def test_the_front_holds_what_nothing_beats():
    trials = [
        trial(0, 0.80, "small", 2.0, 10),
        trial(1, 0.85, "small", 3.0, 10),
        trial(2, 0.90, "large", 20.0, 100),
        trial(3, 0.85, "large", 21.0, 100),  # the small base is as good, faster and smaller
        Trial(number=4, state="pruned", varied={}, options={}, run_id="exp-4"),
    ]
    assert latencies(trials) == {0: 2.5, 1: 2.5, 2: 20.5, 3: 20.5}  # one architecture, one speed
    assert pareto(trials) == [1, 2]
    assert [each.number for each in ranked(trials)] == [2, 1, 3, 0]
    assert pareto([]) == []
    assert beside_best(trials) == [1, 3, 0]  # 0.8 [0.7, 0.9] and 0.85 [0.75, 0.95] hold 0.9
    assert beside_best([*trials, trial(5, 0.96, "small", 2.0, 10)]) == [2]
    assert beside_best([]) == []
    drawn = [each.model_copy(update={"front": each.number in (1, 2)}) for each in trials]
    pictures = [draw_pareto(drawn, latencies(drawn), "macro_f1") for _ in range(2)]
    assert pictures[0] == pictures[1]  # equal trials, equal bytes
