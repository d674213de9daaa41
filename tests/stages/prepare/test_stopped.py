"""`prepare` in a process of its own, stopped while it looks for near-duplicates and edited copies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time

import psutil
import pytest

from narrowcast.core.example import Example
from narrowcast.pipeline.project import Project
from narrowcast.testing.edits import EDITS
from tests.similarity.planted import questions
from tests.support.cli import command_line

from .conftest import Commit

ROWS = 50_000
MOST_SECONDS = 5.0


def rows() -> list[Example]:
    """One in five is an edited copy."""
    originals, chance = questions(ROWS * 4 // 5), random.Random(1)
    edits = list(EDITS.values())
    edited = [chance.choice(edits)(text, chance, originals) for text in originals[: ROWS // 5]]
    return [Example({"text": text}, "xy"[n % 2], "first", n) for n, text in enumerate(originals + edited)]


def used(process: psutil.Process) -> float:
    """Processor seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


@pytest.mark.parametrize("seconds", [0.3, 3.0])
def test_a_signal_during_the_search_ends_it_soon(project: Project, commit: Commit, seconds: float) -> None:
    commit(rows())
    before = sorted(project.paths.root.rglob("*"))
    words = ["--home", str(project.settings.home), "prepare", "--project", project.slug]
    started = subprocess.Popen(command_line(words), stderr=subprocess.PIPE, text=True)
    assert started.stderr is not None
    with started.stderr as stream:
        for line in stream:
            if "finding near-duplicates" in line:
                break
        process = psutil.Process(started.pid)
        begun = used(process)
        while used(process) < begun + seconds:
            assert started.poll() is None
            time.sleep(0.01)
        asked = used(process)
        started.send_signal(signal.SIGTERM)
        said = stream.read()
    _, status, usage = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    # Of the process itself: others may keep the machine busy.
    assert usage.ru_utime + usage.ru_stime - asked < MOST_SECONDS
    assert started.returncode == 1
    assert "stopped on request" in said
    assert project.trail.events()[-1].reason_code == "system_cancelled"
    left = set(project.paths.root.rglob("*")) - set(before)
    assert not [path for path in left if path.is_file() and project.paths.prepared in path.parents]
    assert not [path for path in left if path.name.endswith((".part", ".old"))]
