"""Parity in a process of its own, stopped or killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from narrowcast.ops.export import export
from narrowcast.ops.requests import ExportRequest
from narrowcast.pipeline.project import Project

pytestmark = pytest.mark.nightly


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def exported(trained: Project) -> Project:
    export(trained, ExportRequest(options={"formats": ["f16"], "parity_rows": 12, "tolerance": 0.3}))
    return trained


def parity_process(project: Project, until: Callable[[psutil.Process], bool]) -> subprocess.Popen[str]:
    """`narrowcast parity` as the leader of its group, once it has come so far."""
    command = ["--home", str(project.settings.home), "parity", "--project", project.slug, "--json"]
    started = subprocess.Popen(
        [sys.executable, "-m", "narrowcast.cli.main", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    process, deadline = psutil.Process(started.pid), time.monotonic() + 100
    while not until(process):
        assert started.poll() is None, started.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return started


def has_model_process(process: psutil.Process) -> bool:
    return any("narrowcast.models.llama_worker" in child.cmdline() for child in process.children())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_group_is_a_stop_and_no_dead_model(exported: Project, number: signal.Signals) -> None:
    started = parity_process(exported, has_model_process)
    os.killpg(started.pid, number)
    out, err = started.communicate(timeout=60)
    error = json.loads(out)["error"]
    assert (started.returncode, error["reason_code"]) == (1, "system_cancelled"), err
    assert exported.trail.events()[-1].reason_code == "system_cancelled"


def test_scratch_folders_of_a_killed_parity_go_with_any_command(exported: Project, scratch: Path) -> None:
    started = parity_process(exported, lambda _: any(scratch.glob("narrowcast-merged-*")))
    os.killpg(started.pid, signal.SIGKILL)
    started.communicate(timeout=60)
    purposes = {path.name.split("-")[1] for path in scratch.glob("narrowcast-*")}
    assert purposes == {"parity", "merged"}
    subprocess.run(
        [sys.executable, "-m", "narrowcast.cli.main", "--home", str(exported.settings.home), "gc"],
        check=True,
        capture_output=True,
    )
    assert not list(scratch.glob("narrowcast-*"))
