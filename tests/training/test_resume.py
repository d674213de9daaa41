"""An interrupted run ends with the weights of an uninterrupted one, to the bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from narrowcast.errors import StageError
from narrowcast.experiments.requests import RerunRequest
from narrowcast.experiments.rerun import rerun
from narrowcast.models.loading import read_run_manifest
from narrowcast.store.datasets import load_manifest
from narrowcast.store.stage_records import save_record
from narrowcast.training.outputs.checkpoints import is_complete, last_checkpoint
from narrowcast.training.recipes.sizes import size_rates
from tests.support.datasets import save_dataset, sentences, split_rows
from tests.support.progress import Bar
from tests.support.records import stage_record

pytestmark = pytest.mark.nightly


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_cancelled_run_resumes_to_the_same_weights(workshop, method):
    options = {"method": method, "epochs": 3, "micro_batch_size": 3, "lora_dropout": 0.2}
    whole, elsewhere = workshop.train(**options), workshop.elsewhere()
    cancelled = elsewhere.interrupt(11, **options)  # in the middle of the second epoch
    assert cancelled.reason_code == "training_cancelled"
    assert "--resume" in cancelled.next_command
    assert not list(elsewhere.project.adapters.glob("*"))
    parts = elsewhere.train(resume=True, **options)
    assert (parts.run_id, parts.weights_sha256) == (whole.run_id, whole.weights_sha256)
    trace = [(each.project.root / whole.trace).read_text().splitlines() for each in (workshop, elsewhere)]
    without_time = [[line.rpartition(",")[0] for line in lines] for lines in trace]
    assert without_time[0] == without_time[1]


def test_a_run_keeps_the_rate_it_began_with_when_defaults_change(workshop, monkeypatch):
    options = {"method": "lora", "epochs": 3, "micro_batch_size": 3, "learning_rate": None}
    (now, *_), elsewhere = size_rates(), workshop.elsewhere()
    with monkeypatch.context() as earlier:  # a version with other rates
        then = [now.model_copy(update={"adapter": now.adapter / 4})]
        earlier.setattr("narrowcast.training.recipes.sizes.size_rates", lambda: then)
        whole = workshop.train(**options)
        elsewhere.interrupt(11, **options)
    parts = elsewhere.train(resume=True, **options)
    assert (parts.run_id, parts.weights_sha256) == (whole.run_id, whole.weights_sha256)
    manifest = read_run_manifest(elsewhere.project, parts.run_id)
    assert manifest.recipe["learning_rate"] == then[0].adapter
    assert manifest.recipe["reasons"]["learning_rate"] == "as the run began"
    again = rerun(elsewhere.opened, RerunRequest(run=parts.run_id))
    assert again.identical


def test_an_interrupted_run_is_not_lost_silently(workshop):
    workshop.interrupt(3)
    with pytest.raises(StageError) as caught:
        workshop.train(force=False)
    assert caught.value.reason_code == "training_baseline_missing"
    version = load_manifest(workshop.project).version
    save_record(workshop.project, stage_record("baseline", "baseline-0", {"dataset_version": version}))
    with pytest.raises(StageError) as caught:
        workshop.train(force=False)
    assert caught.value.reason_code == "training_interrupted_run"
    assert (
        caught.value.next_command
        == "narrowcast train --resume, or the same command with --force to start over"
    )


def test_the_bar_of_a_resumed_run_counts_what_is_left(workshop):
    bar = Bar()
    workshop.interrupt(11, epochs=3)
    workshop.train(stop=bar, resume=True, epochs=3)
    (total,) = bar.totals
    assert 0 < total == bar.done < read_run_manifest(workshop.project, workshop.run_folder.name).steps


def test_resume_alone_continues_the_interrupted_run(workshop, cli, cli_json):
    refused = cli_json("train", "--resume", code=1)["error"]
    assert refused["reason_code"] == "training_nothing_to_resume"
    options = {"method": "lora", "epochs": 3, "micro_batch_size": 3}
    whole, elsewhere = workshop.train(**options), workshop.elsewhere()
    elsewhere.interrupt(11, **options)
    place = ["--project", elsewhere.project.root]
    *_, stopped = cli_json("runs", *place)  # the copied index has the finished one
    assert (stopped["state"], stopped["run_id"]) == ("interrupted", whole.run_id)
    assert 11 <= stopped["step"] < stopped["steps"]
    shown = cli("runs", *place).stdout
    assert whole.run_id in shown
    assert "next: narrowcast train --project task-1-2 --resume" in shown  # the copy is not the current one
    assert cli_json("status", *place)["next"] == "narrowcast train --resume"
    others = cli_json("train", *place, "--resume", "--epochs", "2", code=1)["error"]
    assert others["reason_code"] == "training_nothing_to_resume"
    assert whole.run_id in others["message"]
    parts = cli_json("train", *place, "--resume", "--oom-retries", "1")
    assert (parts["run_id"], parts["weights_sha256"]) == (whole.run_id, whole.weights_sha256)
    assert {each["state"] for each in cli_json("runs", *place)} == {"finished"}
    cli_json("train", *place, "--resume", code=1)


def test_an_interrupted_run_of_other_rows_is_not_resumed(workshop, cli_json):
    workshop.interrupt(3, epochs=2)
    save_dataset(workshop.project.root, split_rows(sentences(90), dev=16))
    error = cli_json("train", "--resume", code=1)["error"]
    assert "have changed" in error["message"]


def test_a_time_limit_stops_with_a_checkpoint(workshop):
    with pytest.raises(StageError) as caught:
        workshop.train(time_limit_minutes=1e-6)
    assert caught.value.reason_code == "training_timeout"
    kept = last_checkpoint(workshop.run_folder / "checkpoints")
    assert kept is not None
    assert kept.name == "checkpoint-1"


def test_a_resumed_run_may_have_another_time_limit_and_other_checkpoints(workshop, cli_json):
    whole, elsewhere = workshop.train(), workshop.elsewhere()
    elsewhere.interrupt(3)
    place = ["--project", elsewhere.project.root, "--resume"]
    limited = cli_json("train", *place, "--time-limit-minutes", "0.000001", code=1)["error"]
    assert limited["reason_code"] == "training_timeout"
    parts = cli_json("train", *place, "--time-limit-minutes", "60", "--checkpoint-every", "2")
    assert (parts["run_id"], parts["weights_sha256"]) == (whole.run_id, whole.weights_sha256)


def test_a_half_written_checkpoint_is_not_taken(workshop):
    workshop.interrupt(9, checkpoint_every=4, checkpoint_minutes=99)
    folder = workshop.run_folder / "checkpoints"
    assert {path.name for path in folder.iterdir()} == {"checkpoint-8", "checkpoint-10"}  # the last two
    (folder / "checkpoint-10" / "optimizer.pt").write_bytes(b"torn")
    assert not is_complete(folder / "checkpoint-10")
    assert last_checkpoint(folder).name == "checkpoint-8"
    (folder / "checkpoint-8" / "complete.json").unlink()
    assert last_checkpoint(folder) is None


@pytest.mark.parametrize("method", ["full", "lora"])
def test_kill_9_then_resume_ends_with_the_same_weights(project, tiny_base, method):
    paths = save_dataset(project.paths.root, split_rows(sentences(200), dev=40))
    command = [
        sys.executable, "-m", "narrowcast.cli.main", "train", "--project", project.slug, "--force", "--json",
        "--base", str(tiny_base), "--method", method, "--epochs", "3", "--batch-size", "4",
        "--checkpoint-every", "5",
    ]  # fmt: skip
    with subprocess.Popen(command, env=_one_thread(), stdout=subprocess.PIPE, text=True) as process:
        _wait_for(paths.runs, "checkpoint-50/complete.json", process)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    resume = [each if each != "--force" else "--resume" for each in command]
    parts = _run(resume)  # forced once is enough
    assert parts["weights_sha256"] != ""
    whole = _run(command)  # --force starts over
    assert whole["run_id"] == parts["run_id"]
    assert whole["weights_sha256"] == parts["weights_sha256"]
    codes = [event.reason_code for event in project.trail.events(run=whole["run_id"])]
    assert codes.count("training_resumed") == 1
    assert codes.count("training_run") == 2


def _one_thread() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def _run(command: list[str], code: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        command, capture_output=True, text=True, env=_one_thread(), timeout=240, check=False
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def _wait_for(runs: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    limit = time.monotonic() + 200
    while not list(runs.glob(f"*/checkpoints/{pattern}")):
        assert process.poll() is None, "training ended before it could be killed"
        assert time.monotonic() < limit
        time.sleep(0.005)
