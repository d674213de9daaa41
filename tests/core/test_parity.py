"""The verdict on an exported file, number by number."""

from __future__ import annotations

import pytest

from narrowcast.core.metric import MetricValue
from narrowcast.core.parity import FormatParity, judge, summarise


def verdict(file_format="f16", *, low=-0.01, high=0.01, tolerance=0.03, **changes):
    facts = {
        "templates_equal": True,
        "prompt_ids_equal": True,
        "eos_equal": True,
        "top1_agreement": 1.0,
        **changes,
    }
    return judge(
        file_format, difference=MetricValue(value=0, low=low, high=high), tolerance=tolerance, **facts
    )


def test_equal_files_pass():
    assert verdict() == ("pass", None)
    assert verdict("q4_k_m", top1_agreement=0.6) == ("pass", None)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"templates_equal": False, "prompt_ids_equal": False, "eos_equal": False}, "template"),
        ({"prompt_ids_equal": False, "eos_equal": False}, "tokenizer"),
        ({"eos_equal": False}, "eos"),
        ({"top1_agreement": 0.98}, "numerics"),
    ],
)
def test_the_first_difference_is_the_cause(changes, cause):
    assert verdict(**changes) == ("fail", cause)


def test_the_metric_is_judged_on_its_interval():
    assert verdict("q8_0", low=-0.2, high=-0.05) == ("fail", "quantisation")
    assert verdict("f16", low=-0.2, high=-0.05) == ("fail", "numerics")
    assert verdict("q8_0", low=-0.2, high=0.0) == ("not_enough_data", None)
    assert verdict("q8_0", low=-0.03, high=0.0) == ("pass", None)


def test_the_summary_is_the_worst_of_the_files():
    def entry(name, outcome, low, top1):
        return FormatParity(
            format=name, rows=10, positions=30, templates_equal=True, prompt_ids_equal=True, eos_equal=True,
            top1_agreement=top1, mean_kl=0.0, metric="accuracy", measured=0.9, exported=0.9,
            metric_difference=MetricValue(value=0, low=low, high=0.1), answers_equal=1.0, size_bytes=1,
            median_latency_s=0.1, cause="quantisation" if outcome == "fail" else None, verdict=outcome,
        )  # fmt: skip

    entries = [entry("f16", "pass", 0.0, 1.0), entry("q8_0", "not_enough_data", -0.05, 0.99)]
    report = summarise("exp-1", "dev", 0.03, entries)
    assert (report.verdict, report.cause, report.top1_agreement) == ("not_enough_data", None, 1.0)
    assert report.metric_difference.low == -0.05
    report = summarise("exp-1", "dev", 0.03, [*entries, entry("q4_k_m", "fail", -0.2, 0.5)])
    assert (report.verdict, report.cause) == ("fail", "quantisation")
