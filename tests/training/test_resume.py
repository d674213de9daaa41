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

from narrowcast.core.names import Split
from narrowcast.core.progress import CancelToken, NullProgress
from narrowcast.errors import CancelledError, StageError
from narrowcast.store.stage_records import save_record
from narrowcast.training.outputs.checkpoints import is_complete, last_checkpoint
from tests.support.records import stage_record
from tests.training.conftest import WORDS, prepare, sentences

pytestmark = pytest.mark.nightly


class StopAfter(NullProgress):
    """Cancels after some steps, as ctrl-C would."""

    def __init__(self, steps: int) -> None:
        self.token, self._left = CancelToken(), steps

    def advance(self, units: int = 1, **fields: str | float) -> None:
        if "loss" in fields:
            self._left -= units
            if self._left == 0:
                self.token.cancel()


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_cancelled_run_resumes_to_the_same_weights(workshop, method):
    options = {"method": method, "epochs": 3, "micro_batch_size": 3, "lora_dropout": 0.2}
    whole = workshop.train(workshop.context("exp-whole"), **options)
    stop = StopAfter(11)  # in the middle of the second epoch
    with pytest.raises(CancelledError) as caught:
        workshop.train(workshop.context("exp-parts", progress=stop, cancel=stop.token), **options)
    assert caught.value.reason_code == "training_cancelled"
    assert "--resume" in caught.value.next_command
    assert not (workshop.project.adapters / "exp-parts").exists()
    parts = workshop.train(workshop.context("exp-parts", resume=True), **options)
    assert parts.weights_sha256 == whole.weights_sha256
    trace = [(workshop.project.root / each.trace).read_text().splitlines() for each in (whole, parts)]
    without_time = [[line.rpartition(",")[0] for line in lines] for lines in trace]
    assert without_time[0] == without_time[1]


def test_an_interrupted_run_is_not_lost_silently(workshop):
    stop = StopAfter(3)
    with pytest.raises(CancelledError):
        workshop.train(workshop.context(progress=stop, cancel=stop.token))
    with pytest.raises(StageError) as caught:
        workshop.train(workshop.context(force=False))
    assert caught.value.reason_code == "training_baseline_missing"
    version = workshop.train_inputs().dataset_version
    save_record(workshop.project, stage_record("baseline", "baseline-0", {"dataset_version": version}))
    with pytest.raises(StageError) as caught:
        workshop.train(workshop.context(force=False))
    assert caught.value.reason_code == "training_interrupted_run"
    assert "--resume" in caught.value.next_command
    assert "--force" in caught.value.next_command


def test_a_time_limit_stops_with_a_checkpoint(workshop):
    with pytest.raises(StageError) as caught:
        workshop.train(time_limit_minutes=1e-6)
    assert caught.value.reason_code == "training_timeout"
    kept = last_checkpoint(workshop.project.runs / "exp-0000000000" / "checkpoints")
    assert kept is not None
    assert kept.name == "checkpoint-1"


def test_a_half_written_checkpoint_is_not_taken(workshop):
    stop = StopAfter(9)
    with pytest.raises(CancelledError):
        workshop.train(
            workshop.context(progress=stop, cancel=stop.token), checkpoint_every=4, checkpoint_minutes=99
        )
    folder = workshop.project.runs / "exp-0000000000" / "checkpoints"
    assert {path.name for path in folder.iterdir()} == {"checkpoint-8", "checkpoint-10"}  # the last two
    (folder / "checkpoint-10" / "optimizer.pt").write_bytes(b"torn")
    assert not is_complete(folder / "checkpoint-10")
    assert last_checkpoint(folder).name == "checkpoint-8"
    (folder / "checkpoint-8" / "complete.json").unlink()
    assert last_checkpoint(folder) is None


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora"])
def test_kill_9_then_resume_ends_with_the_same_weights(project, tiny_base, method):
    rows = sentences(200)
    paths = prepare(project.paths.root, {Split.TRAIN: rows[:160], Split.DEV: rows[160:]}, list(WORDS))
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
