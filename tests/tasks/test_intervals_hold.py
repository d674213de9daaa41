"""Small simulations with known truth: intervals hold it, and equal models are not called different."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for
from narrowcast.tasks.bootstrap import bootstrap, paired_difference

LABELS = ["a", "b"]
HANDLER = handler_for(TaskSpec(profile="classification", labels=LABELS))
SETS = 120
LEAST = 0.93 - 2 * (0.93 * 0.07 / SETS) ** 0.5  # two standard errors of so few sets
MOST = 0.07 + 2 * (0.93 * 0.07 / SETS) ** 0.5

FALLING = [max(1, round(60 / rank)) for rank in range(1, 61)]


def answered(sizes, accuracy, likeness, rng, models=1):
    """Scores of equal models on rows in groups; right and wrong are alike within a group."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    gold = rng.integers(0, 2, len(sizes))[groups]
    examples = [Example({"text": "t"}, LABELS[code], "s", row) for row, code in enumerate(gold)]
    scores = []
    for _ in range(models):
        shared, own = rng.normal(size=len(sizes))[groups], rng.normal(size=len(groups))
        right = norm.cdf(likeness**0.5 * shared + (1 - likeness) ** 0.5 * own) < accuracy
        answers = [Prediction(LABELS[code]) for code in np.where(right, gold, 1 - gold)]
        scores.append(HANDLER.score(examples, answers))
    return scores, groups.tolist()


@pytest.mark.parametrize(
    ("sizes", "accuracy", "likeness"),
    [([20] * 10, 0.9, 0.9), (FALLING, 0.95, 0.9)],
)
def test_an_interval_holds_the_truth_where_groups_are_few_or_uneven(sizes, accuracy, likeness):
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(SETS):
        (scores,), groups = answered(sizes, accuracy, likeness, rng)
        value = bootstrap(scores, samples=100, groups=groups).values["accuracy"]
        held += value.low <= accuracy <= value.high
    assert held / SETS >= LEAST


def test_equal_models_are_rarely_called_different():
    rng = np.random.default_rng(1)
    differ = 0
    for _ in range(SETS):
        scores, groups = answered(FALLING, 0.8, 0.9, rng, models=2)
        drawn = [bootstrap(each, samples=200, groups=groups) for each in scores]
        found = paired_difference(*drawn, "accuracy", tuple(scores))
        differ += found.p_value <= 0.05 and not found.low <= 0 <= found.high
    assert differ / SETS <= MOST


def test_independent_rows_have_the_exact_interval():
    """Nothing is lost where rows are no groups: as sharp as the textbook."""
    rng = np.random.default_rng(2)
    for rows in (30, 100, 400):
        (scores,), groups = answered([1] * rows, 0.9, 0.0, rng)
        hits = sum(row.correct for row in scores.rows)
        value = bootstrap(scores, samples=100, groups=groups).values["accuracy"]
        exact = binomtest(hits, rows).proportion_ci(0.95, method="exact")
        assert (value.low, value.high) == pytest.approx((exact.low, exact.high), rel=0.02)


def test_more_likeness_is_never_surer():
    """Of 20 groups of 5 with ten wrong rows: spread over ten groups, then together in two."""
    gold = ["ab"[row // 5 % 2] for row in range(100)]
    widths = []
    for wrong in (range(0, 50, 5), range(10)):
        answers = [{"a": "b", "b": "a"}[label] if row in wrong else label for row, label in enumerate(gold)]
        examples = [Example({"text": "t"}, label, "s", row) for row, label in enumerate(gold)]
        scores = HANDLER.score(examples, [Prediction(each) for each in answers])
        value = bootstrap(scores, samples=100, groups=[row // 5 for row in range(100)]).values["accuracy"]
        widths.append(value.high - value.low)
    assert all(less < more for less, more in pairwise(widths))
