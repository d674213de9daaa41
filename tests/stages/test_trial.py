"""What decides whether runs are measured on dev rows again."""

from __future__ import annotations

from narrowcast.evaluation.options import EvaluateOptions
from narrowcast.stages.trial import TrialOptions


def test_the_key_of_a_trial_is_that_of_an_evaluation_unless_answers_are_asked_for_alone() -> None:
    assert TrialOptions(cap_tokens=5).identity() == EvaluateOptions().identity()
    assert TrialOptions(alone=3).identity() == {**EvaluateOptions().identity(), "alone": 3}
