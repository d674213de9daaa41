"""Several seeds: mean and spread on dev rows, each an ordinary run that is made once."""

from __future__ import annotations

from statistics import mean, stdev

import pytest

from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, ModelError, UsageError
from narrowcast.experiments.requests import SeedsRequest
from narrowcast.experiments.seeds import train_seeds
from narrowcast.ops.requests import RunViewRequest
from narrowcast.ops.show_run import show_run
from narrowcast.ops.train import runs
from narrowcast.store.runs import current_run
from tests.support.datasets import save_dataset, sentences, split_rows
from tests.support.progress import StopAfter

pytestmark = pytest.mark.nightly


def test_seeds_and_what_a_run_shows(project, tiny_base, cli, cli_json):
    save_dataset(project.paths.root, split_rows(sentences(36), dev=12))
    options = {"base": str(tiny_base), "epochs": 1, "batch_size": 8, "method": "full", "preflight": "off"}
    found = train_seeds(project, SeedsRequest(options=options, force=True, seeds=2))
    assert [run.seed for run in found.runs] == [0, 1]
    assert found.runs[0].train_loss != found.runs[1].train_loss
    losses = [run.dev_loss for run in found.runs]
    assert (found.dev_loss.mean, found.dev_loss.std) == (mean(losses), stdev(losses))
    assert found.score.low <= found.score.mean <= found.score.high
    assert current_run(project.paths).run_id == found.current_run
    trained = project.trail.events()
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    again = cli_json("train", "--project", project.slug, "--seeds", "2", "--force", *words)
    assert again == found.model_dump(mode="json")  # nothing is trained twice
    codes = [event.reason_code for event in project.trail.events()]
    assert codes.count("training_run") == 2
    assert codes[len(list(trained)) :] == ["training_seeds"]
    with pytest.raises(UsageError):
        train_seeds(project, SeedsRequest(options=options, seeds=1))
    _shown(project, found.current_run, cli, cli_json)


def test_the_same_command_continues_stopped_seeds(project, tiny_base):
    save_dataset(project.paths.root, split_rows(sentences(36), dev=12))
    options = {"base": str(tiny_base), "epochs": 1, "batch_size": 8, "method": "full", "preflight": "off"}
    request = SeedsRequest(options=options, force=True, seeds=2)
    stop = StopAfter(4)  # three steps a seed: in the second one
    with pytest.raises(CancelledError, match="stopped at seed 1, after 1 of 2 runs") as stopped:
        train_seeds(project, request, Work(stop, stop.token))
    assert stopped.value.next_command.startswith("the same command again")
    assert len(train_seeds(project, request).runs) == 2
    codes = [event.reason_code for event in project.trail.events()]
    assert (codes.count("training_run"), codes.count("training_resumed")) == (2, 1)


def _shown(project, run_id, cli, cli_json):
    view = cli_json("runs", "show", run_id, "--project", project.slug)
    assert view["current"]
    assert view["dataset_current"]
    assert view["manifest"]["weights_sha256"] in [each.weights_sha256 for each in runs(project)]
    assert view["next"] == f"narrowcast eval run:{run_id}"
    assert view["events"]["training_run"] == 1
    assert f"training/runs/{run_id}/trace.csv" in view["files"]
    text = cli("runs", "show", run_id, "--project", project.slug).stdout
    for word in ("learning_rate", "final train loss", "of the last step", "torch", "next: narrowcast eval"):
        assert word in text
    assert len(cli_json("runs", "list", "--project", project.slug)) == 2
    (project.paths.runs / "exp-half" / "checkpoints").mkdir(parents=True)
    with pytest.raises(ModelError, match="there is no run 'exp-half'"):
        show_run(project, RunViewRequest(run="exp-half"))
    with pytest.raises(ModelError, match=run_id):
        show_run(project, RunViewRequest(run="../../etc"))
