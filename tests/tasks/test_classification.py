import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for

LABELS = ["refund", "card lost", "fee/charge", "other"]
SPEC = TaskSpec(profile="classification", labels=LABELS)
HANDLER = handler_for(SPEC)

# Gold labels and answers; None is an answer that is no label.
ROWS = st.lists(
    st.tuples(st.sampled_from(LABELS[:3]), st.sampled_from([*LABELS, None])), min_size=1, max_size=60
)


def scored(rows, logprobs=None):
    examples = [Example({"text": "t"}, gold, "s", index) for index, (gold, _) in enumerate(rows)]
    answers = [Prediction(guess or "no such label", logprobs=logprobs) for _, guess in rows]
    return HANDLER.score(examples, answers)


def test_prompt_names_few_labels_and_not_many():
    messages = HANDLER.to_messages({"text": "where is it?"}, "refund")
    assert [message.role for message in messages] == ["system", "user", "assistant"]
    assert messages[0].content.endswith("Labels: refund, card lost, fee/charge, other")
    assert messages[2].content == "refund"

    many = SPEC.model_copy(update={"labels": [f"label {number}" for number in range(13)]})
    assert "Labels" not in handler_for(many).to_messages({"text": "x"})[0].content
    always = many.model_copy(update={"list_labels": "always"})
    assert "label 12" in handler_for(always).to_messages({"text": "x"})[0].content


def test_prompt_with_and_without_target_share_their_beginning():
    inputs = {"text": "  white space is data \n"}
    prompt = HANDLER.to_messages(inputs)
    assert HANDLER.to_messages(inputs, "other")[:-1] == prompt
    assert prompt[-1].content == inputs["text"]


@pytest.mark.parametrize(
    ("text", "value", "error"),
    [
        ("refund", "refund", None),
        (" card lost\n", "card lost", None),
        ("Refund", None, "unknown_label"),
        ("refund.", None, "unknown_label"),
        ("  ", None, "empty_answer"),
    ],
)
def test_parse_is_exact_but_for_white_space_around(text, value, error):
    parsed = HANDLER.parse(text)
    assert (parsed.value, parsed.error) == (value, error)


@pytest.mark.parametrize(
    ("inputs", "target", "reason"),
    [
        ({"text": "a"}, "refund", None),
        ({"text": " "}, "refund", "empty_input"),
        ({"text": "a"}, "no label", "unknown_label"),
        ({"text": "a"}, {"label": "refund"}, "target_not_a_label"),
    ],
)
def test_check_names_why_a_row_is_unusable(inputs, target, reason):
    assert HANDLER.check(Example(inputs, target)) == reason


@settings(max_examples=60)
@given(ROWS)
def test_metrics_equal_scikit_learn(rows):
    from sklearn.metrics import accuracy_score, f1_score

    gold = [each for each, _ in rows]
    guess = [answer or "no such label" for _, answer in rows]
    metrics = scored(rows).metrics
    present = sorted(set(gold))
    expected = f1_score(gold, guess, labels=present, average="macro", zero_division=0)
    assert metrics["macro_f1"] == pytest.approx(expected)
    assert metrics["accuracy"] == pytest.approx(accuracy_score(gold, guess))
    assert metrics["invalid_rate"] == pytest.approx(sum(answer is None for _, answer in rows) / len(rows))
    for label in LABELS:
        single = f1_score(gold, guess, labels=[label], average="macro", zero_division=0)
        value = metrics[f"f1/{label}"]
        assert math.isnan(value) if label not in present else value == pytest.approx(single)


@settings(max_examples=40)
@given(ROWS, st.randoms())
def test_resampling_all_rows_in_any_order_changes_nothing(rows, order):
    import numpy as np

    scores = scored(rows)
    shuffled = list(range(len(rows)))
    order.shuffle(shuffled)
    for chosen in (np.arange(len(rows)), np.array(shuffled)):
        assert scores.resample(chosen) == pytest.approx(scores.metrics, nan_ok=True)


@settings(max_examples=30)
@given(st.lists(st.sampled_from(LABELS), min_size=1))
def test_perfect_answers_score_one(labels):
    scores = scored([(label, label) for label in labels])
    assert scores.metrics["macro_f1"] == scores.metrics["accuracy"] == 1.0
    assert all(row.correct for row in scores.rows)


def test_invalid_answers_miss_their_class_and_are_charged_to_none():
    scores = scored([("refund", "refund"), ("refund", None), ("card lost", "card lost")])
    assert scores.metrics["invalid_rate"] == pytest.approx(1 / 3)
    assert scores.details["confusion"][0] == [1, 0, 0, 0, 1]
    assert scores.details["per_class"]["refund"] == pytest.approx(
        {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    )
    assert [row.error for row in scores.rows] == [None, "unknown_label", None]


def test_calibration_needs_probabilities_and_measures_them():
    assert "ece" not in scored([("refund", "refund")]).metrics
    logprobs = {
        "refund": math.log(0.7),
        "card lost": math.log(0.3),
        "fee/charge": -math.inf,
        "other": -math.inf,
    }
    metrics = scored([("refund", "refund"), ("card lost", "refund")], logprobs).metrics
    assert metrics["ece"] == pytest.approx(0.2)  # one of two right at a confidence of 0.7
    assert metrics["brier"] == pytest.approx((2 * 0.3**2 + 2 * 0.7**2) / 2)
