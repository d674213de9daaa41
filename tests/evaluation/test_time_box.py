"""Automatic baselines in a limited time: what does not fit by its first rows is named, never left out."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from narrowcast.core.progress import NullProgress
from narrowcast.evaluation.time_box import TimeBox, TooLongError
from narrowcast.ops.evaluate import baseline, evaluate
from narrowcast.ops.requests import BaselineRequest, EvaluateRequest
from narrowcast.tasks.classification import ClassificationHandler
from narrowcast.testing.tiny import build_tiny_encoder

QUICK = {"samples": 100}
SLOW = """
import time
rows = []

def answer(inputs):
    rows.append(inputs)
    time.sleep(0.3 * (len(rows) <= 8))
    return "card"
"""


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A baseline of the task that takes 0.3 seconds for each of its first 8 rows."""
    path = tmp_path / "slow.py"
    path.write_text(SLOW)
    monkeypatch.setattr(
        ClassificationHandler, "baselines", ("majority", f"rules:{path}", "svm", "encoder:minilm")
    )
    return f"rules:{path}"


def rows_asked(project) -> list[int]:
    events = project.trail.events()
    return [each.payload["rows"] for each in events if each.reason_code == "model_code_run"]


def test_one_that_does_not_fit_is_named_with_forecast_and_command(intents, slow, cli):
    result = baseline(intents, BaselineRequest(options={**QUICK, "budget_minutes": 12 / 60}))
    assert rows_asked(intents) == [8]
    measured = [each.model for each in result.results]
    assert measured[0] == "majority"
    assert slow not in measured
    named = {each.model: each for each in result.unmeasured}
    assert named[slow].reason.endswith("s of 12 s are left")
    assert " s by its first 8 rows, and " in named[slow].reason
    assert named[slow].command == f"narrowcast baseline --models {slow}"
    assert set(measured) | set(named) == {"majority", slow, "svm", "encoder:minilm"}
    assert result.baselines == measured
    assert slow in intents.trail.events()[-1].payload["unmeasured"]
    judged = evaluate(intents, EvaluateRequest(options={**QUICK, "models": ["tfidf"]}))
    assert slow in [each.model for each in judged.unmeasured]

    baseline(intents, BaselineRequest(options={**QUICK, "models": [slow]}))  # named: no limit
    assert rows_asked(intents) == [8, 60]
    judged = evaluate(intents, EvaluateRequest(options={**QUICK, "models": ["tfidf"]}))
    assert slow not in [each.model for each in judged.unmeasured]


def test_the_first_is_measured_and_those_after_the_time_are_not_loaded(intents, slow):
    result = baseline(intents, BaselineRequest(options={**QUICK, "budget_minutes": 1e-6}))
    assert [each.model for each in result.results] == ["majority"]
    assert rows_asked(intents) == []
    reasons = {each.model: each.reason for each in result.unmeasured}
    assert "were used up by the models before it" in reasons["svm"]
    assert "not on this machine" in reasons["encoder:minilm"]
    elsewhere = {**QUICK, "budget_minutes": 1e-6, "split": "dev", "limit": 9}
    named = {each.model: each for each in baseline(intents, BaselineRequest(options=elsewhere)).unmeasured}
    assert named["svm"].command == "narrowcast baseline --split dev --rows 9 --models svm"


def test_what_is_stored_takes_no_time(intents, slow):
    baseline(intents, BaselineRequest(options={**QUICK, "models": [slow, "svm"]}))
    result = baseline(intents, BaselineRequest(options={**QUICK, "budget_minutes": 1e-6}))
    assert [each.model for each in result.results] == ["majority", slow, "svm"]


def test_one_line_names_what_shares_its_reason(intents, slow, cli, tmp_path):
    cli("baseline", "--models", "majority", "--samples", "100")
    page = " ".join(cli("baseline", "--samples", "100", "--budget-minutes", "1e-6").stdout.split())
    assert (
        f"{slow}, svm: the 0 s were used up by the models before it; narrowcast baseline --models {slow},svm"
        in page
    )


def test_a_box_without_a_limit_never_closes():
    box, progress = TimeBox(None), NullProgress()
    box.check_open()
    box.check(1, 10**9, 1e9)
    assert box.batches(130, 64) == [range(64), range(64, 128), range(128, 130)]
    assert box.watched(progress) is progress


def test_a_forecast_rests_on_the_first_rows_and_what_is_nearly_done_is_finished():
    box = TimeBox(100.0)
    assert box.batches(80, 64) == [range(8), range(8, 72), range(72, 80)]
    assert box.batches(5, 64) == [range(5)]
    box.check(8, 80, 10.0)
    with pytest.raises(
        TooLongError, match="about 2 min 6 s by its first 8 rows, and 1 min 40 s of 1 min 40 s"
    ):
        box.check(8, 96, 10.5)
    box.check(101, 10_000, 100.0)


def test_a_model_that_has_answered_every_row_is_kept_though_the_time_is_over():
    box = TimeBox(1e-9)
    box.check(60, 60, 5.0)
    with pytest.raises(TooLongError):
        box.check(59, 60, 5.0)


def test_fitting_that_shows_how_far_it_is_is_forecast_too():
    progress = TimeBox(3.0).watched(NullProgress())
    progress.start("reading the train rows", 100)
    progress.advance(60)
    time.sleep(1.05)
    progress.advance(1)  # more than half is done
    progress.start("reading the train rows", 100)
    time.sleep(1.05)
    with pytest.raises(TooLongError, match="for its fitting by the first 5 steps"):
        progress.advance(5)
    progress.start("of unknown length")
    progress.advance(5)


def test_an_encoder_shows_how_far_it_is(intents, tmp_path, cli):
    encoder = build_tiny_encoder(tmp_path / "encoder")
    page = cli("baseline", "--models", f"encoder:{encoder}", "--samples", "100").stderr
    assert "vectors of the train rows" in page
