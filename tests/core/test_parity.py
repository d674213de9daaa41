"""The verdict on an exported file, number by number."""

from __future__ import annotations

import pytest

from narrowcast.core.metric import MetricValue
from narrowcast.core.parity import FileFacts, FormatParity, judge, judge_classifier, rule_of_three, summarise


def facts(file_format="f16", *, low=-0.01, high=0.01, **changes):
    values = {
        "rows": 100, "positions": 300, "templates_equal": True, "prompt_ids_equal": True, "eos_equal": True,
        "top1_agreement": 1.0, "mean_kl": 1e-8, "metric": "accuracy", "measured": 0.9, "exported": 0.9,
        "metric_difference": MetricValue(value=0, low=low, high=high), "size_bytes": 1, **changes,
    }  # fmt: skip
    return FileFacts(format=file_format, **values)


def verdict(file_format="f16", *, tolerance=0.03, **changes):
    return judge(facts(file_format, **changes), tolerance)[:2]


def test_equal_files_pass():
    assert verdict() == ("pass", None)
    assert verdict("q4_k_m", top1_agreement=0.6, mean_kl=0.2, requantised_kl=0.2) == ("pass", None)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"templates_equal": False, "prompt_ids_equal": False, "eos_equal": False}, "template"),
        ({"prompt_ids_equal": False, "eos_equal": False}, "tokenizer"),
        ({"eos_equal": False}, "eos"),
        ({"top1_agreement": 0.98}, "numerics"),
        ({"mean_kl": 1.1e-3}, "numerics"),
        ({"mean_kl": float("nan")}, "numerics"),
        ({"mean_kl": None}, "numerics"),
    ],
)
def test_the_first_difference_is_the_cause(changes, cause):
    assert verdict(**changes) == ("fail", cause)


def test_a_quantised_file_diverges_as_quantising_does():
    assert verdict("q4_k_m", mean_kl=0.14, requantised_kl=0.1) == ("pass", None)
    outcome = judge(facts("q4_k_m", mean_kl=0.16, requantised_kl=0.1), 0.03)
    assert outcome == ("fail", "quantisation", "the KL divergence is 1.6e-01, at most 1.5e-01 is allowed")


def test_the_metric_is_judged_on_its_interval():
    assert verdict("q8_0", low=-0.2, high=-0.05) == ("fail", "quantisation")
    assert verdict("f16", low=-0.2, high=-0.05) == ("fail", "numerics")
    assert verdict("q8_0", low=-0.2, high=0.0) == ("not_enough_data", None)
    assert verdict("q8_0", low=-0.03, high=0.0) == ("pass", None)


def test_a_metric_of_zero_on_both_sides_says_nothing():
    outcome = judge(facts("q8_0", measured=0.0, exported=0.0), 0.03)
    assert outcome == ("not_enough_data", None, "accuracy is 0 on both sides and cannot fall")


@pytest.mark.parametrize(
    ("rows", "outcome"), [(8, "not_enough_data"), (99, "not_enough_data"), (100, "pass")]
)
def test_no_changed_answer_excludes_a_fall_of_three_in_n(rows, outcome):
    interval = rule_of_three(MetricValue(value=0, low=0, high=0), rows)
    assert interval.low == -3 / rows
    assert verdict("q8_0", rows=rows, metric_difference=interval)[0] == outcome


def test_identical_float_weights_pass_however_few_the_rows():
    few = rule_of_three(MetricValue(value=0, low=0, high=0), 8)
    assert verdict("f16", rows=8, metric_difference=few) == ("pass", None)
    assert verdict("f16", rows=8, metric_difference=few, measured=0.0, exported=0.0) == ("pass", None)
    assert verdict("f16", rows=8, metric_difference=few, mean_kl=1e-3) == ("fail", "numerics")


@pytest.mark.parametrize(
    ("graph_equal", "rows", "outcome"),
    [(True, 8, "pass"), (False, 8, "not_enough_data"), (False, 100, "pass"), (None, 8, "not_enough_data")],
)
def test_a_classifier_passes_on_few_rows_only_where_its_graph_is_equal(graph_equal, rows, outcome):
    few = rule_of_three(MetricValue(value=0, low=0, high=0), rows)
    file = facts(
        "onnx",
        rows=rows,
        metric_difference=few,
        graph_equal=graph_equal,
        answers_equal=1.0,
        largest_difference=0.0,
    )
    assert judge_classifier(file, 0.03)[0] == outcome


def test_an_interval_that_saw_a_fall_is_left_alone():
    interval = MetricValue(value=-0.1, low=-0.2, high=0.0)
    assert rule_of_three(interval, 8) == interval
    better = rule_of_three(MetricValue(value=0.1, low=0.0, high=0.2), 8)
    assert (better.low, better.high) == (-3 / 8, 0.2)
    assert rule_of_three(MetricValue(value=-1, low=-1, high=-1), 8).high == -1 + 3 / 8


def test_the_summary_is_the_worst_of_the_files():
    def entry(name, outcome, low, top1):
        seen = facts(name, low=low, high=0.1, rows=10, top1_agreement=top1).model_dump()
        return FormatParity(
            **seen, identical=True, cause="quantisation" if outcome == "fail" else None, verdict=outcome
        )

    entries = [entry("f16", "pass", 0.0, 1.0), entry("q8_0", "not_enough_data", -0.05, 0.99)]
    report = summarise("exp-1", "dev", 0.03, entries, {"gguf": "1"})
    assert (report.verdict, report.cause, report.top1_agreement) == ("not_enough_data", None, 1.0)
    assert report.metric_difference is not None
    assert report.metric_difference.low == -0.05
    report = summarise("exp-1", "dev", 0.03, [*entries, entry("q4_k_m", "fail", -0.2, 0.5)], {})
    assert (report.verdict, report.cause) == ("fail", "quantisation")
