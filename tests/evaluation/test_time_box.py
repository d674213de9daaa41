"""Automatic baselines in a limited time: what does not fit by its first rows is named, never left out."""

from __future__ import annotations

import time

import pytest

from narrowcast.evaluation import answering
from narrowcast.evaluation.time_box import TimeBox, TooLongError
from narrowcast.models.predictors.base import PredictorFactory
from narrowcast.models.predictors.baseline import FittedPredictor
from narrowcast.models.predictors.load import predictor_factory
from narrowcast.ops.evaluate import baseline, evaluate
from narrowcast.ops.requests import BaselineRequest, EvaluateRequest

QUICK = {"samples": 100, "limit": 40}


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A tfidf that takes 0.05 seconds a row; returns the rows of its batches."""
    asked: list[int] = []

    def load(context, argument):
        def answer(texts):
            asked.append(len(texts))
            time.sleep(0.05 * len(texts))
            return [("card", None)] * len(texts)

        return FittedPredictor("tfidf", answer)

    def factory(reference):
        return PredictorFactory(load=load) if reference == "tfidf" else predictor_factory(reference)

    monkeypatch.setattr(answering, "predictor_factory", factory)
    return asked


def test_one_that_does_not_fit_is_named_with_forecast_and_command(intents, slow):
    result = baseline(intents, BaselineRequest(options={**QUICK, "budget_minutes": 1.2 / 60}))
    assert slow == [8]
    measured = [each.model for each in result.results]
    assert measured[0] == "majority"
    assert "tfidf" not in measured
    named = {each.model: each for each in result.unmeasured}
    assert named["tfidf"].reason.startswith("about 2 s by its first 8 rows, and 1 s of 1 s are left")
    assert named["tfidf"].command == "narrowcast baseline --models tfidf"
    assert set(measured) | set(named) >= {"majority", "tfidf", "svm", "base", "base-few-shot"}
    assert result.baselines == measured
    judged = evaluate(intents, EvaluateRequest(options={**QUICK, "models": ["svm"]}))
    assert "tfidf" in [each.model for each in judged.unmeasured]

    baseline(intents, BaselineRequest(options={**QUICK, "models": ["tfidf"]}))  # named: no limit
    assert sum(slow[1:]) == 40
    judged = evaluate(intents, EvaluateRequest(options={**QUICK, "models": ["svm"]}))
    assert "tfidf" not in [each.model for each in judged.unmeasured]


def test_the_first_is_measured_and_those_after_the_time_are_not_loaded(intents, slow):
    result = baseline(intents, BaselineRequest(options={**QUICK, "budget_minutes": 1e-6}))
    assert [each.model for each in result.results] == ["majority"]
    assert slow == []
    reasons = {each.model: each.reason for each in result.unmeasured}
    assert "were used up by the models before it" in reasons["tfidf"]
    assert "not on this machine" in reasons["encoder:minilm"]


def test_a_box_without_a_limit_never_closes():
    box = TimeBox(None)
    box.check_open()
    box.check(1, 10**9, 1e9)
    assert box.batches(130, 64) == [range(64), range(64, 128), range(128, 130)]


def test_a_forecast_rests_on_the_first_rows_and_what_is_nearly_done_is_finished():
    box = TimeBox(100.0)
    assert box.batches(80, 64) == [range(8), range(8, 72), range(72, 80)]
    assert box.batches(5, 64) == [range(5)]
    box.check(8, 80, 10.0)
    with pytest.raises(TooLongError, match="about 1 min 50 s by its first 8 rows"):
        box.check(8, 88, 10.0 + 1e-9)
    box.check(101, 10_000, 100.0)
