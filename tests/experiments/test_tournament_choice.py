"""Which of the trained models is chosen, and what is said of the others."""

from __future__ import annotations

from typing import Any

import pytest

from narrowcast.core.metric import Difference, MetricValue
from narrowcast.core.model_ref import ModelRef
from narrowcast.errors import StageError
from narrowcast.evaluation.result import Comparison
from narrowcast.experiments.measured_run import MeasuredRun
from narrowcast.experiments.tournament.choose import entry_of, mark_front, sentence_of, within_limits
from narrowcast.experiments.tournament.result import Entrant, Entry, Limits

LINEAR, MIXED, ENCODER = ("linear", 0.80, 1.0, 2e6), ("mixed", 0.84, 6.0, 30e6), ("encoder", 0.95, 9.0, 90e6)


def trained(
    limits: Limits, *figures: tuple[str, float, float, float | None], alone: float = 12.0
) -> list[Entry]:
    entries = []
    for name, score, latency, size in figures:
        measured: dict[str, Any] = {
            "run_id": f"exp-{name}", "base": "none", "method": "linear", "seed": 0, "metric": "macro_f1",
            "score": MetricValue(value=score, low=score - 0.03, high=score + 0.03), "n": 300,
            "train_loss": None, "dev_loss": None, "latency_p50_ms": latency, "alone_p50_ms": alone,
            "size_bytes": size, "seconds": 60.0,
        }  # fmt: skip
        entrant = Entrant(name=name, kind="linear", options={}, minutes=1.0)
        entries.append(entry_of(entrant, MeasuredRun.model_validate(measured), limits))
    mark_front(entries)
    return entries


def comparison(against: str, low: float, high: float, p: float) -> Comparison:
    counts: dict[str, Any] = {"p_value": p, "only_first_right": 9, "only_second_right": 3, "mcnemar_p": p}
    by = Difference(metric="macro_f1", value=(low + high) / 2, low=low, high=high, p_adjusted=p, **counts)
    model, other = ModelRef.of_run("exp-encoder"), ModelRef.of_run(f"exp-{against}")
    return Comparison(model=model, against=other, n=300, groups=300, difference=by)


def said(entries: list[Entry], *comparisons: Comparison) -> str:
    return sentence_of(within_limits(entries), len(entries), comparisons, "macro_f1", 300)


def test_the_best_is_chosen_and_what_is_faster_or_smaller_is_named() -> None:
    entries = trained(Limits(), LINEAR, MIXED, ENCODER)
    assert said(entries, comparison("linear", 0.10, 0.20, 0.001), comparison("mixed", 0.01, 0.2, 0.02)) == (
        "encoder is chosen: the best by macro_f1 on 300 dev rows, 0.950; "
        "faster or smaller: mixed (0.840, 6.0 ms, 30.0 MB), linear (0.800, 1.0 ms, 2.0 MB)"
    )


def test_what_the_limits_leave_out_is_neither_chosen_nor_recommended() -> None:
    entries = trained(Limits(size_mb=50), LINEAR, MIXED, ENCODER)
    assert entries[2].left_out == "90 MB are over 50"
    text = said(entries, comparison("linear", 0.01, 0.07, 0.01))
    assert text.startswith("mixed is chosen: the best within the limits by macro_f1 on 300 dev rows, 0.840")
    assert "encoder" not in text
    only = said(trained(Limits(size_mb=10), LINEAR, MIXED, ENCODER))
    assert only == "linear is chosen: the only one within the limits; macro_f1 on 300 dev rows, 0.800"
    assert "the only one trained" in said(trained(Limits(), LINEAR))
    with pytest.raises(StageError, match="no entrant is within the limits"):
        within_limits(trained(Limits(size_mb=1), LINEAR, MIXED))


def test_not_shown_to_be_worse_follows_from_the_paired_difference() -> None:
    entries = trained(Limits(), LINEAR, MIXED, ENCODER)  # the intervals of none overlap
    pairs = comparison("linear", 0.10, 0.20, 0.001), comparison("mixed", -0.01, 0.23, 0.09)
    assert "; not shown to be worse: mixed; " in said(entries, *pairs)
    pairs = comparison("linear", 0.10, 0.20, 0.001), comparison("mixed", 0.01, 0.21, 0.09)  # Holm
    assert "; not shown to be worse: mixed; " in said(entries, *pairs)


def test_of_equally_good_ones_the_fastest_is_chosen() -> None:
    entries = trained(Limits(), ("slow", 0.8, 5.0, 1e6), ("fast", 0.8, 1.0, 1e6))
    assert [each.name for each in within_limits(entries)] == ["fast", "slow"]
    assert [each.front for each in entries] == [False, True]


def test_an_unknown_size_is_not_small() -> None:
    unknown = ("unknown", 0.70, 2.0, None)
    entries = trained(Limits(), LINEAR, unknown)
    assert [each.front for each in entries] == [True, False]
    (left_out,) = [each.left_out for each in trained(Limits(size_mb=50), unknown)]
    assert left_out == "its size is not known, and 50 MB are allowed"


def test_the_limit_of_latency_is_of_an_answer_asked_for_alone() -> None:
    (entry,) = trained(Limits(latency_ms=10), LINEAR)
    assert entry.left_out == "12.0 ms for one answer are over 10"
    (entry,) = trained(Limits(latency_ms=13), ENCODER)
    assert entry.left_out == ""
