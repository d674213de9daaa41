"""A search on a tiny model: resumable to the same trials, pruned, scored on dev rows alone."""

from __future__ import annotations

import csv
import shutil

import pytest

from narrowcast.core.names import Split
from narrowcast.core.progress import CancelToken, NullProgress
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, StageError, UsageError
from narrowcast.experiments.search.plan import plan_search
from narrowcast.experiments.search.result import Trial
from narrowcast.experiments.search.run import search
from narrowcast.experiments.search.space import Dimension
from narrowcast.experiments.search.study import Study, finished
from narrowcast.ops.train import runs
from narrowcast.store.datasets import load_manifest
from narrowcast.store.files import read_json
from narrowcast.store.runs import current_run
from tests.experiments.search.conftest import asked

pytestmark = pytest.mark.nightly

SPACE = {"learning_rate": "0.5x..8x:log", "batch_size": "8,4"}
DECAYS = {"weight_decay": "0.01,0.1"}


class StopInTrial(NullProgress):
    """Cancels some updates into a trial, as ctrl-C would."""

    def __init__(self, trial: int, updates: int) -> None:
        self.token, self._trial, self._left = CancelToken(), f"trial {trial + 1} of", updates
        self._there = False

    def note(self, text: str) -> None:
        self._there = self._there or text.startswith(self._trial)

    def advance(self, units: int = 1, **fields: str | float) -> None:
        if self._there and "loss" in fields:
            self._left -= units
            if self._left == 0:
                self.token.cancel()


def told(found):
    """What must not depend on interruptions: all but clocks."""
    return [
        (each.number, each.state, each.varied, each.run_id, each.evaluations[-1:]) for each in found.trials
    ]


def test_a_killed_search_continues_and_ends_like_an_undisturbed_one(ready, quick, settings, tmp_path):
    manifest = load_manifest(ready.paths)
    (ready.paths.root / manifest.splits[Split.TEST].path).unlink()  # nothing reads test rows
    del quick["batch_size"]
    request = asked({**quick, "epochs": 1}, SPACE)
    plan = plan_search(ready, request)
    assert plan.start() == {"learning_rate": 1.0, "batch_size": 8}
    stop = StopInTrial(1, 2)
    with pytest.raises(CancelledError) as caught:
        search(ready, request, Work(stop, stop.token))
    assert caught.value.next_command == "the same command again"
    folder = ready.paths.searches / plan.study
    assert finished(folder) == 1
    assert current_run(ready.paths).run_id == runs(ready)[0].run_id  # the best so far
    (folder / "study.jsonl.lock").touch()
    with (folder / "study.jsonl").open("ab") as file:
        file.write(b'{"op_code":4,"worker')  # as a kill in the middle of a write
    parts = search(ready, request)
    codes = [event.reason_code for event in ready.trail.events()]
    assert codes.count("training_resumed") == 1
    assert codes.count("training_search_trial") == 2
    assert codes.count("training_search_started") == 2
    weights = {line.run_id: line.weights_sha256 for line in runs(ready)}
    (folder / "study.jsonl").rename(tmp_path / "first.jsonl")
    for path in [*(ready.paths.stage_records / "train").iterdir(), ready.paths.run_index]:
        path.unlink()
    whole = search(ready, request)
    assert [row[:4] for row in told(whole)] == [row[:4] for row in told(parts)]
    assert {line.run_id: line.weights_sha256 for line in runs(ready)} == weights
    _written(ready, folder, whole)


def _written(project, folder, found):
    best = next(each for each in found.trials if each.number == found.best)
    assert best.run.score.value == max(each.run.score.value for each in found.trials if each.run)
    assert current_run(project.paths).run_id == best.run_id == found.current_run
    assert found.best in found.front
    assert read_json(folder / "result.json")["best"] == found.best
    with (folder / "trials.csv").open() as file:
        assert [row["run"] for row in csv.DictReader(file)] == [each.run_id for each in found.trials]
    assert (folder / "pareto.svg").read_text().startswith("<?xml")
    assert (folder / "pareto.png").read_bytes().startswith(b"\x89PNG")
    assert not (project.paths.registry / "test_looks.jsonl").exists()
    command = next(step for step in found.next if "--seeds" in step)
    assert f"--learning-rate {best.varied['learning_rate']}" in command


def test_the_time_limit_ends_a_search_and_more_trials_continue_it(ready, quick, cli_json):
    plan = plan_search(ready, asked(quick, DECAYS))
    nothing = search(ready, asked(quick, DECAYS, timeout=0))
    assert (nothing.stopped, nothing.trials, nothing.current_run) == ("timeout", [], None)
    assert current_run(ready.paths) is None
    one = search(ready, asked(quick, DECAYS, trials=1))
    assert (one.stopped, len(one.trials)) == ("", 1)
    assert len(runs(ready)) == 1
    words = [f"--{name.replace('_', '-')}={value}" for name, value in quick.items()]
    words += ["--project", ready.slug, "--vary", "weight_decay=0.01,0.1", "--trials", "1"]
    shown = cli_json("search", *words, "--dry-run")
    assert (shown["study"], shown["done"]) == (plan.study, 1)
    assert shown["first_trial"]["weight_decay"] == 0.01
    again = search(ready, asked(quick, DECAYS, trials=1))
    assert again.trials == one.trials
    assert len(runs(ready)) == 1


def test_a_point_that_diverges_is_a_failed_trial(ready, quick):
    wild = {**quick, "max_grad_norm": 0, "warmup_ratio": 0, "epochs": 40, "weight_decay": 1000}
    with pytest.raises(StageError, match="the first 3 trials failed") as caught:
        search(ready, asked(wild, {"learning_rate": "0.9..0.99"}, trials=5))
    assert caught.value.reason_code == "training_search_failed"


def test_a_trial_below_the_median_stops_early(ready, quick):
    request = asked(quick, DECAYS, trials=4)
    plan = plan_search(ready, request)
    study = Study(ready.paths.searches / plan.study, plan.space, 0, plan.start())
    for number in range(3):  # better than anything can be
        trial = study.next()
        for evaluation in range(1, 7):
            study.prune(trial, evaluation, 2.0)
        known = Trial(number=number, state="complete", varied={}, options={}, run_id=f"exp-{number}")
        study.finish(trial, known.model_dump(mode="json", exclude={"number"}), 2.0)
    found = search(ready, request)
    ended = found.trials[-1]
    assert (ended.state, ended.why) == ("pruned", "below the median at evaluation 2")
    assert len(ended.evaluations) == 2
    assert runs(ready) == []
    codes = [event.reason_code for event in ready.trail.events()]
    assert codes[-3:] == ["training_pruned", "training_search_trial", "training_search_finished"]
    assert not list((ready.paths.runs / ended.run_id).glob("checkpoints/*"))


def test_a_trial_behind_the_others_is_pruned(tmp_path):
    space = {"learning_rate": Dimension(low=0.1, high=1.0)}
    study = Study(tmp_path / "study", space, 0, {"learning_rate": 0.5})
    first = study.next()
    assert first.params == {"learning_rate": 0.5}
    for score in (0.6, 0.7, 0.8):
        trial = first if score == 0.6 else study.next()
        for number in (1, 2, 3):
            assert not study.prune(trial, number, score)
        study.finish(trial, {"state": "complete"}, score)
    weak = study.next()
    assert not study.prune(weak, 1, 0.1)  # too early to tell
    again = Study(tmp_path / "study", space, 0, {})
    resumed = again.next()
    assert (resumed.number, resumed.params) == (weak.number, weak.params)
    assert not again.prune(resumed, 1, 0.1)
    assert again.prune(resumed, 2, 0.2)
    again.finish(resumed, {"state": "pruned"}, None)
    assert [each["state"] for each in again.results()] == ["complete"] * 3 + ["pruned"]
    assert again.next().params != weak.params


def test_an_unsearchable_option_is_refused(ready, quick):
    with pytest.raises(UsageError, match=r"seed cannot be varied; epochs=0\.0: "):
        plan_search(ready, asked(quick, {"seed": "1", "epochs": "0..2"}))
    fixed = plan_search(ready, asked(quick))
    assert set(fixed.space) == {
        "learning_rate",
        "weight_decay",
        "word_dropout",
    }  # epochs and batch size are given
    other = plan_search(ready, asked({**quick, "epochs": 3}))
    assert other.study != fixed.study


def test_bases_are_varied_each_with_its_own_default(ready, quick, tmp_path):
    other = str(shutil.copytree(quick["base"], tmp_path / "other"))
    vary = {"base": f"{quick['base']},{other}", "learning_rate": "0.5x..2x:log"}
    plan = plan_search(ready, asked({**quick, "seed": 3}, vary))
    assert plan.seed == 3
    assert plan.start() == {"base": quick["base"], "learning_rate": 1.0}
    assert plan.options_of({"base": other, "learning_rate": 0.5}) | quick == {
        **quick, "seed": 3, "base": quick["base"], "learning_rate": 5e-4, "select_by": "metric",
        "select_rows": 200, "eval_every": 1, "probe_steps": 0, "forgetting_check": False,
    }  # fmt: skip
    assert plan.options_of({"base": other, "learning_rate": 0.5})["base"] == other
