import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for
from narrowcast.tasks.bootstrap import bootstrap, mcnemar, paired_difference

HANDLER = handler_for(TaskSpec(profile="classification", labels=["a", "b"]))


def scores(gold, answers):
    examples = [Example({"text": "t"}, label, "s", index) for index, label in enumerate(gold)]
    return HANDLER.score(examples, [Prediction(each) for each in answers])


def mixed(rows, wrong):
    """`rows` rows of alternating labels, the first `wrong` of them answered wrongly."""
    gold = ["ab"[index % 2] for index in range(rows)]
    return scores(gold, ["ba"[index % 2] if index < wrong else gold[index] for index in range(rows)])


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("ab")), min_size=4, max_size=40))
def test_every_interval_is_ordered_and_accuracy_holds_its_point(rows):
    found = bootstrap(scores(*zip(*rows, strict=True)), samples=200).values
    for value in found.values():
        assert 0 <= value.low <= value.high <= 1
    assert found["accuracy"].low <= found["accuracy"].value <= found["accuracy"].high


def test_the_interval_has_the_width_that_theory_says():
    value = bootstrap(mixed(400, 80), samples=2000).values["accuracy"]
    assert value.value == 0.8
    assert value.high - value.low == pytest.approx(2 * 1.96 * (0.8 * 0.2 / 400) ** 0.5, rel=0.1)


def test_equal_seeds_give_equal_intervals():
    one, two = (bootstrap(mixed(50, 9), samples=200, seed=3).values for _ in range(2))
    assert one == two
    assert one != bootstrap(mixed(50, 9), samples=200, seed=4).values


def test_a_real_difference_is_found_and_none_is_not_invented():
    good, bad = mixed(300, 30), mixed(300, 90)
    drawn = bootstrap(good, samples=500), bootstrap(bad, samples=500)
    found = paired_difference(*drawn, "accuracy", (good, bad))
    assert found.value == pytest.approx(0.2)
    assert 0 < found.low < found.value < found.high
    assert found.p_value < 0.01
    assert (found.only_first_right, found.only_second_right) == (60, 0)
    assert found.mcnemar_p < 1e-9

    same = paired_difference(drawn[0], drawn[0], "accuracy", (good, good))
    assert (same.value, same.low, same.high, same.p_value, same.mcnemar_p) == (0, 0, 0, 1, 1)


def test_pairing_is_tighter_than_two_intervals():
    good, bad = mixed(300, 60), mixed(300, 75)
    one, two = bootstrap(good, samples=500), bootstrap(bad, samples=500)
    found = paired_difference(one, two, "accuracy", (good, bad))
    widths = [each.values["accuracy"].high - each.values["accuracy"].low for each in (one, two)]
    assert found.high - found.low < min(widths)


def test_other_rows_are_refused():
    one, two = mixed(10, 1), mixed(12, 1)
    with pytest.raises(ValueError, match="same rows"):
        paired_difference(bootstrap(one, samples=100), bootstrap(two, samples=100), "accuracy", (one, two))


def test_mcnemar_is_the_exact_binomial_test():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 0) == pytest.approx(2 * 0.5**5)
    assert mcnemar(3, 3) == 1.0
