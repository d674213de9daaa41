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

from narrowcast.core.names import Split
from narrowcast.training.outputs.checkpoints import last_checkpoint, step_of
from narrowcast.training.outputs.trace import read_trace
from tests.training.conftest import WORDS, prepare, sentences

pytestmark = pytest.mark.nightly

KILLS = int(os.environ.get("NARROWCAST_KILLS", "3"))
UPDATES = 80


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_random_kills_lose_nothing(project, tiny_base):
    rows = sentences(180)
    paths = prepare(project.paths.root, {Split.TRAIN: rows[:160], Split.DEV: rows[160:]}, list(WORDS))
    command = [
        sys.executable, "-m", "narrowcast.cli.main", "train", "--project", project.slug, "--json",
        "--base", str(tiny_base), "--epochs", "2", "--batch-size", "4", "--checkpoint-every", "2",
        "--preflight", "off",
    ]  # fmt: skip
    draw = random.Random()  # other moments each time; the seed of a failure does not matter, the state does
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    reached = 0
    for kill in range(KILLS):
        words = [*command, "--force"] if kill == 0 else [*command, "--resume"]
        with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as process:
            # Past the last checkpoint, somewhere in the next few steps, with what is written there.
            begun = {path: path.stat().st_mtime_ns for path in paths.runs.glob("*/trace.csv")}
            _wait_for_updates(paths.runs, begun, process)
            time.sleep(draw.uniform(0, 0.4))
            process.send_signal(signal.SIGKILL)
        kept = [last_checkpoint(each) for each in paths.runs.glob("*/checkpoints")]
        steps = [step_of(each) for each in kept if each is not None]
        assert not steps or steps[0] >= reached, "a whole checkpoint was lost"
        reached = steps[0] if steps else reached
    resumed = _run([*command, "--resume"], environment)
    (trace,) = [read_trace(path) for path in paths.runs.glob("*/trace.csv")]
    assert [line.step for line in trace if line.loss is not None] == list(range(1, UPDATES + 1))
    whole = _run([*command, "--force"], environment)
    assert resumed["run_id"] == whole["run_id"]
    assert resumed["weights_sha256"] == whole["weights_sha256"]
    assert project.trail.verify().intact


def _wait_for_updates(runs, begun, process) -> None:
    limit = time.monotonic() + 200
    while all(begun.get(path) == path.stat().st_mtime_ns for path in runs.glob("*/trace.csv")):
        if process.poll() is not None:
            return  # it finished before the kill
        assert time.monotonic() < limit
        time.sleep(0.005)


def _run(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)
