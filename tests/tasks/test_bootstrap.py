import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for
from narrowcast.tasks.base import Parsed, RowOutcome, TaskScores
from narrowcast.tasks.bootstrap import bootstrap, holm, mcnemar, paired_difference
from narrowcast.tasks.intervals import exact_interval
from narrowcast.tasks.multi_label import label_set_task
from narrowcast.tasks.row_means import mean_scores

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


def test_equal_seeds_give_equal_draws_and_intervals_need_none():
    one, two = (bootstrap(mixed(50, 9), samples=200, seed=3) for _ in range(2))
    other = bootstrap(mixed(50, 9), samples=200, seed=4)
    assert (one.resampled["accuracy"].draws == two.resampled["accuracy"].draws).all()
    assert (one.resampled["accuracy"].draws != other.resampled["accuracy"].draws).any()
    assert one.values == two.values == other.values


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
    assert (same.value, same.p_value, same.mcnemar_p) == (0, 1, 1)
    # The rule of three: 300 rows without a difference leave one in 100 possible.
    assert (same.low, same.high) == (pytest.approx(-3 / 300, rel=0.01), pytest.approx(3 / 300, rel=0.01))


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


def clustered(groups, size, wrong_groups):
    """All rows of a group are right together, or wrong together."""
    answers = [["ab", "ba"][row // size < wrong_groups][row % 2] for row in range(groups * size)]
    return scores(["ab"[row % 2] for row in range(groups * size)], answers)


def test_rows_of_a_group_count_as_one():
    alike = clustered(40, 10, 8)
    rows = bootstrap(alike, samples=500).values["accuracy"]
    grouped = bootstrap(alike, samples=500, groups=[row // 10 for row in range(400)])
    value = grouped.values["accuracy"]
    assert grouped.group_count == 40
    assert value.high - value.low == pytest.approx(10**0.5 * (rows.high - rows.low), rel=0.15)
    low, high = exact_interval(0.8, 40, 0.025)  # as wide as for 40 rows, but for the few degrees of freedom
    assert (value.low, value.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


def test_equal_models_do_not_differ_where_the_rows_of_a_group_do():
    one, two = clustered(20, 10, 4), clustered(20, 10, 7)
    groups = [row // 10 for row in range(200)]
    plain = paired_difference(bootstrap(one), bootstrap(two), "accuracy", (one, two))
    grouped = paired_difference(
        bootstrap(one, groups=groups), bootstrap(two, groups=groups), "accuracy", (one, two)
    )
    assert plain.low > 0  # 30 rows in a row, as if they were independent
    assert grouped.low < 0 < grouped.high  # 3 of 20 groups
    assert (plain.mcnemar_p < 1e-6, grouped.mcnemar_p) == (True, 0.25)


def test_all_right_is_not_certain():
    value = bootstrap(mixed(60, 0), samples=200).values
    assert value["accuracy"].low == value["macro_f1"].low == pytest.approx(exact_interval(1.0, 60, 0.025)[0])
    assert 0.9 < value["accuracy"].low < 1
    few = bootstrap(mixed(60, 0), samples=200, groups=[row // 5 for row in range(60)]).values["accuracy"]
    assert few.low == pytest.approx(exact_interval(1.0, 12, 0.025)[0])


def test_the_exact_interval_is_that_of_clopper_and_pearson():
    from scipy.stats import binomtest

    for hits, rows in ((0, 30), (1, 30), (17, 40), (99, 100), (100, 100)):
        exact = binomtest(hits, rows).proportion_ci(0.95, method="exact")
        assert exact_interval(hits / rows, rows, 0.025) == pytest.approx((exact.low, exact.high))


def test_a_mean_over_classes_knows_its_rarest():
    gold = ["a"] * 60 + ["b"] * 2
    estimates = bootstrap(scores(gold, gold), samples=200).estimates
    assert "too few rows of 'b' (2)" in estimates["macro_f1"].too_small
    assert (estimates["f1/b"].deciding, estimates["f1/a"].deciding) == (2, 60)
    assert estimates["f1/a"].too_small == estimates["accuracy"].too_small == ""
    assert estimates["f1/b"].interval().low < 0.2


def test_holm_corrects_for_the_number_of_questions():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5]) == [0.5]
    assert holm([]) == []


def test_a_label_of_one_group_leaves_its_mean_unsure():
    """Resampling cannot see how much the rows of other groups would differ: few degrees of freedom say so."""
    gold = ["a"] * 90 + ["b"] * 10
    answers = ["b" if row % 9 == 0 else "a" for row in range(90)] + ["a"] * 3 + ["b"] * 7
    found = scores(gold, answers)
    spread = [row // 10 for row in range(90)] + [9 + row for row in range(10)]  # ten groups of "b"
    together = [row // 5 for row in range(90)] + [18] * 10  # one group of "b", and as many groups in all
    one, ten = (
        bootstrap(found, samples=1000, groups=groups).values["macro_f1"] for groups in (together, spread)
    )
    assert one.high - one.low > 1.5 * (ten.high - ten.low)


def test_the_mean_over_labels_of_sets_knows_its_rarest():
    handler = handler_for(label_set_task(["a", "b", "c"]))
    named = [["a"], ["a", "b"], []] * 15 + [["a", "c"]] * 2
    examples = [Example({"text": "t"}, {"labels": each}, "s", index) for index, each in enumerate(named)]
    answers = [Prediction(json.dumps({"labels": each})) for each in named]
    found = bootstrap(handler.score(examples, answers), samples=200)
    estimates = found.estimates
    assert "'c' (2)" in estimates["macro_f1"].too_small
    assert [estimates[f"f1/{label}"].deciding for label in "abc"] == [32, 15, 2]
    assert (estimates["macro_f1"].deciding, estimates["micro_f1"].deciding) == (32, 32)
    assert estimates["micro_f1"].too_small == estimates["exact_match"].too_small == ""
    # 47 rows without a fault are not surer of a mean over three labels than 47 rows can be.
    assert estimates["macro_f1"].interval().low <= exact_interval(1.0, 47, 0.025)[0]


def test_draws_scored_together_are_those_scored_one_by_one():
    """A plug-in gives `resample` alone."""
    found = mixed(60, 9)
    groups = [row // 3 for row in range(60)]
    together, alone = (
        bootstrap(each, samples=50, groups=groups) for each in (found, replace(found, sums=None))
    )
    for name, value in together.values.items():
        assert value.model_dump() == pytest.approx(alone.values[name].model_dump())
    for name, each in together.resampled.items():
        for field in ("draws", "without_group", "without_row"):
            assert getattr(each, field) == pytest.approx(getattr(alone.resampled[name], field)), (name, field)


def alike(share, rows=60):
    """Rows of which each has the same share of a free text right."""
    examples = [Example({"text": "t"}, "a", "s", index) for index in range(rows)]
    return mean_scores(["rouge"], "rouge", [(share,)] * rows, examples, [Parsed("b")] * rows)


@pytest.mark.parametrize("share", [0.1, 0.3, 1 / 3, 0.7])
def test_rounding_adds_nothing_to_the_spread(share):
    """Sums of 0.3 differ in their last digits, those of 0.5 do not; what is known of both is the same."""
    value, exact = (bootstrap(alike(each), samples=200).values["rouge"] for each in (share, 0.5))
    assert exact.high - exact.low == pytest.approx(0.26, abs=0.01)
    assert value.high - value.low == pytest.approx(2 * (share * (1 - share)) ** 0.5 * 0.26, rel=0.1)


def test_a_difference_that_is_the_same_in_all_rows_is_not_certain():
    for good, bad in ((0.5, 0.25), (0.3, 0.2), (0.9, 0.7)):
        both = alike(good), alike(bad)
        found = paired_difference(*(bootstrap(each, samples=200) for each in both), "rouge", both)
        assert found.high - found.low == pytest.approx(2 * 3 / 60, rel=0.1)
        assert found.p_value == pytest.approx(2 / 201)


def test_no_interval_goes_beyond_what_a_metric_can_be():
    import numpy as np

    def scores(values: list[float]) -> TaskScores:
        table = np.array(values)
        return TaskScores(
            primary="share",
            metrics={"share": float(table.mean()), "brier": float(table.mean())},
            rows=[RowOutcome(str(number), value > 0.5, 1, value) for number, value in enumerate(values)],
            resample=lambda drawn: {"share": float(table[drawn].mean()), "brier": float(table[drawn].mean())},
            open_ended=frozenset({"brier"}),
            limits={"brier": (0.0, 2.0)},
        )

    best, worst = scores([1.0] * 35 + [0.9]), scores([0.0] * 35 + [0.05])
    first, second = bootstrap(best, samples=200), bootstrap(worst, samples=200)
    gap = paired_difference(first, second, "share", (best, worst))
    assert gap.value < gap.high <= 1.0
    assert second.values["brier"].low == 0.0


def test_values_too_small_to_be_squared_have_a_spread():
    gold = ["ab"[index % 2] for index in range(40)]
    examples = [Example({"text": "t"}, label, "s", index) for index, label in enumerate(gold)]
    answers = [
        Prediction(label, logprobs={label: 0.0, "ba"["ab".index(label)]: -115 - index / 10})
        for index, label in enumerate(gold)
    ]
    value = bootstrap(HANDLER.score(examples, answers), samples=200).values["brier"]
    assert 0 <= value.low <= value.value <= value.high < 1e-80
