import pytest

from narrowcast.core.metric import Gate, MetricValue
from narrowcast.tasks.gates import judge, overall


def verdict(operator, threshold, low, high, rows=1000):
    gate = Gate(gate_id="g", metric="m", operator=operator, threshold=threshold)
    return judge(gate, {"m": MetricValue(value=(low + high) / 2, low=low, high=high)}, rows)


@pytest.mark.parametrize(
    ("operator", "threshold", "low", "high", "expected"),
    [
        ("gte", 0.8, 0.81, 0.9, "pass"),
        ("gte", 0.8, 0.8, 0.9, "pass"),
        ("gte", 0.8, 0.75, 0.9, "not_enough_data"),
        ("gte", 0.8, 0.6, 0.79, "fail"),
        ("lte", 0.1, 0.01, 0.09, "pass"),
        ("lte", 0.1, 0.05, 0.2, "not_enough_data"),
        ("lte", 0.1, 0.11, 0.2, "fail"),
    ],
)
def test_the_interval_decides(operator, threshold, low, high, expected):
    assert verdict(operator, threshold, low, high).verdict == expected


def test_rows_without_one_exception_prove_only_as_much_as_there_are():
    assert verdict("gte", 0.98, 1.0, 1.0, rows=20).verdict == "not_enough_data"
    assert verdict("gte", 0.98, 1.0, 1.0, rows=200).verdict == "pass"
    assert verdict("lte", 0.02, 0.0, 0.0, rows=20).verdict == "not_enough_data"
    assert verdict("lte", 0.02, 0.0, 0.0, rows=200).verdict == "pass"
    assert verdict("gte", 0.98, 0.0, 0.0, rows=20).verdict == "fail"


def test_a_metric_that_was_not_measured_decides_nothing():
    gate = Gate(gate_id="g", metric="ece", operator="lte", threshold=0.1)
    found = judge(gate, {}, 100)
    assert found.verdict == "not_enough_data"
    assert "ece" in found.reason


def test_one_failure_fails_all():
    passed, unsure, failed = (
        verdict("gte", 0.5, low, high) for low, high in ((0.6, 0.7), (0.4, 0.6), (0.1, 0.2))
    )
    assert overall([passed, unsure, failed]) == "fail"
    assert overall([passed, unsure]) == "not_enough_data"
    assert overall([passed]) == overall([]) == "pass"
