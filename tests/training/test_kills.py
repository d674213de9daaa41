"""`kill -9` at random moments of a training run: nothing is lost, and the weights are equal.

`NARROWCAST_KILLS=10` (what `make soak` sets) kills ten times instead of three.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from narrowcast.training.outputs.checkpoints import last_checkpoint, step_of
from narrowcast.training.outputs.trace import read_trace
from tests.support.datasets import save_dataset, sentences, split_rows

pytestmark = pytest.mark.nightly

KILLS = int(os.environ.get("NARROWCAST_KILLS", "3"))
UPDATES = 80


@pytest.mark.timeout(1200)
def test_random_kills_lose_nothing(project, tiny_base):
    paths = save_dataset(project.paths.root, split_rows(sentences(180), dev=20))
    command = [
        sys.executable, "-m", "narrowcast.cli.main", "train", "--project", project.slug, "--json",
        "--base", str(tiny_base), "--epochs", "2", "--batch-size", "4", "--checkpoint-every", "2",
        "--preflight", "off",
    ]  # fmt: skip
    draw = random.Random(KILLS)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    reached = 0
    for kill in range(KILLS):
        words = [*command, "--force"] if kill == 0 else [*command, "--continue"]
        begun = {path: path.stat().st_mtime_ns for path in paths.runs.glob("*/trace.csv")}
        with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as process:
            # Past the last checkpoint, somewhere in the next few steps, with what is written there.
            _wait(process, lambda begun=begun: _written(paths.runs, begun) and _steps(paths.runs))
            time.sleep(draw.uniform(0, 0.4))
            process.send_signal(signal.SIGKILL)
        if process.returncode == 0:
            break  # it finished before the kill
        (step,) = _steps(paths.runs)
        assert step >= reached, "a whole checkpoint was lost"
        reached = step
    assert reached, "the first run finished before its kill"
    resumed = _run([*command, "--continue"], environment)
    (trace,) = [read_trace(path) for path in paths.runs.glob("*/trace.csv")]
    assert [line.step for line in trace if line.loss is not None] == list(range(1, UPDATES + 1))
    whole = _run([*command, "--force"], environment)
    assert resumed["run_id"] == whole["run_id"]
    assert resumed["weights_sha256"] == whole["weights_sha256"]
    assert project.trail.verify().intact


def _written(runs, begun) -> bool:
    """Whether a trace was written to since it had these times."""
    return any(begun.get(path) != path.stat().st_mtime_ns for path in runs.glob("*/trace.csv"))


def _steps(runs) -> list[int]:
    """Of the last whole checkpoint of each run."""
    kept = [last_checkpoint(each) for each in runs.glob("*/checkpoints")]
    return [step_of(each) for each in kept if each is not None]


def _wait(process, holds) -> None:
    limit = time.monotonic() + 200
    while not holds() and process.poll() is None:
        assert time.monotonic() < limit
        time.sleep(0.005)


def _run(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)
