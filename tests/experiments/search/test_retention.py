"""What lost a search gives its weights up, and can be had again."""

from __future__ import annotations

import shlex

import pytest

from narrowcast.errors import ModelError
from narrowcast.experiments.requests import TrainRequest
from narrowcast.experiments.search.plan import plan_search
from narrowcast.experiments.search.retention import drop_losers
from narrowcast.experiments.search.run import search
from narrowcast.models.loading import load_trained
from narrowcast.ops.train import runs, train
from tests.experiments.search.conftest import asked

pytestmark = pytest.mark.nightly


def test_losers_weights_go_and_come_back_to_the_bit(ready, quick, cli_json):
    other = {**quick, "weight_decay": 0.1}  # not a trial
    mine = train(ready, TrainRequest(options=other, force=True))
    request = asked(quick, {"learning_rate": "0.002,0.00001"}, keep="all")
    plan, found = plan_search(ready, request), search(ready, request)
    assert found.dropped == []
    loser = next(each for each in found.trials if each.number != found.best)
    (dropped,) = drop_losers(plan, found.trials, found.best, [found.best])
    assert dropped == loser.run_id
    left = {path.name for path in ready.paths.adapters.iterdir()}
    assert left == {mine.run_id, found.current_run}
    with pytest.raises(ModelError, match=f"after the search {plan.study}") as caught:
        load_trained(ready.paths, loser.run_id, ready.settings)
    before = next(line for line in runs(ready) if line.run_id == loser.run_id)
    _, *words = shlex.split(caught.value.next_command)
    again = cli_json(*words, "--force")
    assert (again["run_id"], again["weights_sha256"]) == (loser.run_id, before.weights_sha256)
    load_trained(ready.paths, loser.run_id, ready.settings)


def test_a_run_that_was_there_before_stays(ready, quick):
    request = asked(quick, {"learning_rate": "0.002,0.00001"}, keep="all")
    plan = plan_search(ready, request)
    mine = train(ready, TrainRequest(options=plan.options_of({"learning_rate": 1e-5}), force=True))
    found = search(ready, request)
    first = next(each for each in found.trials if each.run_id != mine.run_id)
    assert drop_losers(plan, found.trials, first.number, [first.number]) == []


def test_only_a_search_that_is_done_removes_weights(ready, quick):
    options, vary = {**quick, "epochs": 40}, {"learning_rate": "0.003,0.0000001"}
    both = search(ready, asked(options, vary, keep="all"))
    losers = [each.run_id for each in both.trials if each.number not in both.front]
    assert len(losers) == 1
    stopped = search(ready, asked(options, vary, trials=3, timeout=0))
    assert (stopped.stopped, stopped.dropped) == ("timeout", [])
    assert all((ready.paths.adapters / each / "run.json").exists() for each in losers)
    assert search(ready, asked(options, vary)).dropped == losers
    assert "training_weights_dropped" in [event.reason_code for event in ready.trail.events()]
