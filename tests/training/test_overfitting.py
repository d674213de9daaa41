"""A run past its best dev loss is told so; one that still gains, is not."""

from __future__ import annotations

import pytest

from narrowcast.training.checks.overfitting import warn_of_overfitting

pytestmark = pytest.mark.nightly


@pytest.mark.parametrize(
    ("losses", "warned"),
    [
        ({"final_train": 0.05, "dev": 0.9, "dev_best": 0.4}, True),
        ({"final_train": 0.05, "dev": 0.42, "dev_best": 0.4}, False),  # within a tenth of the best
        ({"final_train": 0.001, "dev": 0.012, "dev_best": 0.004}, False),  # both as good as nothing
        ({"final_train": 1.0, "dev": 0.9, "dev_best": 0.4}, False),  # training is no better: not over-fitted
        ({"final_train": 0.05}, False),  # no dev rows
    ],
)
def test_the_warning_follows_the_gap(workshop, losses, warned):
    assert warn_of_overfitting(losses, workshop.context()) is warned
    assert [code for code, _, _ in workshop.emitted] == (["training_overfit"] if warned else [])


def test_a_run_that_generalises_is_not_warned(workshop):
    result = workshop.train(method="full", epochs=6, learning_rate=3e-3)
    assert result.dev_loss is not None
    assert result.overfit is False
    assert "training_overfit" not in [code for code, _, _ in workshop.events]
