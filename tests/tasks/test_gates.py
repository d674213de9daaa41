import pytest

from narrowcast.core.example import Example
from narrowcast.core.metric import Gate
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.tasks import handler_for
from narrowcast.tasks.bootstrap import bootstrap
from narrowcast.tasks.gates import check_metrics, judge, overall

LABELS = ["a", "b", "rare"]
HANDLER = handler_for(TaskSpec(profile="classification", labels=LABELS))


def measured(rows, wrong=0, rare=0, groups=None):
    gold = ["rare"] * rare + ["ab"[number % 2] for number in range(rows - rare)]
    answers = [label if number >= wrong else "ba"[number % 2] for number, label in enumerate(gold)]
    examples = [Example({"text": "t"}, label, "s", number) for number, label in enumerate(gold)]
    scores = HANDLER.score(examples, [Prediction(each) for each in answers])
    return bootstrap(scores, samples=200, groups=groups)


def outcome(measurement, metric, operator, threshold, **others):
    gate = Gate(gate_id="g", metric=metric, operator=operator, threshold=threshold)
    return judge([gate], measurement, **others)[0]


@pytest.mark.parametrize(
    ("operator", "threshold", "expected"),
    [
        ("gte", 0.7, "pass"),
        ("gte", 0.8, "not_enough_data"),
        ("gte", 0.9, "fail"),
        ("lte", 0.9, "pass"),
        ("lte", 0.8, "not_enough_data"),
        ("lte", 0.7, "fail"),
        ("gte", 0.0, "pass"),
        ("gte", 1.0, "fail"),
        ("gte", float("nan"), "fail"),
    ],
)
def test_the_interval_decides(operator, threshold, expected):
    assert outcome(measured(200, wrong=40), "accuracy", operator, threshold).verdict == expected


def test_rows_without_one_exception_prove_only_as_much_as_there_are():
    assert outcome(measured(60), "accuracy", "gte", 0.98).verdict == "not_enough_data"
    assert outcome(measured(200), "accuracy", "gte", 0.98).verdict == "pass"
    assert outcome(measured(60), "invalid_rate", "lte", 0.02).verdict == "not_enough_data"
    assert outcome(measured(200), "invalid_rate", "lte", 0.02).verdict == "pass"
    groups = [number // 20 for number in range(200)]
    assert outcome(measured(200, groups=groups), "accuracy", "gte", 0.98).verdict == "not_enough_data"


def test_too_few_rows_groups_or_rows_of_a_class_decide_nothing():
    few = outcome(measured(29), "accuracy", "gte", 0.5)
    assert (few.verdict, "29 rows" in few.reason) == ("not_enough_data", True)
    assert outcome(measured(30), "accuracy", "gte", 0.5).verdict == "pass"
    grouped = outcome(measured(90, groups=[row // 10 for row in range(90)]), "accuracy", "gte", 0.1)
    assert (grouped.verdict, "9 groups" in grouped.reason) == ("not_enough_data", True)


def test_a_gate_on_a_label_counts_its_rows():
    for rare in (1, 2, 4):
        result = outcome(measured(500, rare=rare), "f1/rare", "gte", 0.1)
        assert result.verdict == "not_enough_data"
        assert f"'rare' ({rare})" in result.reason
        assert f"decided by {rare} of 500 rows" in result.reason
        assert outcome(measured(500, rare=rare), "macro_f1", "gte", 0.1).verdict == "not_enough_data"
    assert outcome(measured(500, rare=200), "f1/rare", "gte", 0.95).verdict == "pass"
    assert outcome(measured(500, rare=20), "f1/rare", "gte", 0.95).verdict == "not_enough_data"


def test_a_metric_that_was_not_measured_decides_nothing():
    result = outcome(measured(100), "ece", "lte", 0.1)
    assert result.verdict == "not_enough_data"
    assert "ece" in result.reason


def test_a_misspelt_metric_is_named_with_the_right_one():
    gate = Gate(gate_id="macrof1>=0.9", metric="macrof1", operator="gte", threshold=0.9)
    known = HANDLER.metric_names([Example({"text": "t"}, "a", "s", 0)])
    with pytest.raises(UsageError, match="did you mean macro_f1"):
        check_metrics([gate], known)


def test_several_candidates_must_be_surer():
    result = measured(200)  # all right: sure of 0.98 for one model, not for the best of twenty
    assert outcome(result, "accuracy", "gte", 0.98).verdict == "pass"
    several = outcome(result, "accuracy", "gte", 0.98, candidates=20)
    assert several.verdict == "not_enough_data"
    assert "20 questions" in several.reason


def test_one_failure_fails_all():
    result = measured(200, wrong=40)
    passed, unsure, failed = (outcome(result, "accuracy", "gte", bar) for bar in (0.7, 0.8, 0.9))
    assert overall([passed, unsure, failed]) == "fail"
    assert overall([passed, unsure]) == "not_enough_data"
    assert overall([passed]) == overall([]) == "pass"


def test_a_required_gate_blocks_where_it_lacks_data():
    gate = Gate(gate_id="g", metric="accuracy", operator="gte", threshold=0.8)
    (open_,) = judge([gate], measured(200, wrong=40))
    (required,) = judge([gate.model_copy(update={"required": True})], measured(200, wrong=40))
    assert (open_.blocks, required.blocks) == (False, True)
