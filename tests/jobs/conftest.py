"""Jobs of real commands: a worker process, a project whose training takes seconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.settings import Settings
from narrowcast.jobs.record import Job
from tests.support.datasets import save_dataset, sentences, split_rows
from tests.support.jobs import show


@pytest.fixture
def worker(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start a worker; all of them, and what they started, are gone after the test."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "narrowcast.cli.main", "jobs", "worker"],
            env={**os.environ, "NARROWCAST_DATABASE_URL": settings.database_url},
            stdout=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield start
    for each in started:
        each.kill()
        each.wait()


@pytest.fixture
def training(project, tiny_base: Path) -> list[str]:
    """A command line that trains a tiny model for a few seconds."""
    save_dataset(project.paths.root, split_rows(sentences(200), dev=40))
    return [
        "train", "--force", "--base", str(tiny_base), "--method", "full", "--epochs", "2",
        "--batch-size", "4", "--checkpoint-every", "5", "--precision", "fp32", "--preflight", "off",
    ]  # fmt: skip


def wait_for(settings: Settings, job_id: str, *statuses: str, seconds: float = 120) -> Job:
    """The job, once it has one of these statuses."""
    return wait_until(settings, job_id, lambda job: job.status in statuses, seconds)


def wait_until(settings: Settings, job_id: str, holds: Callable[[Job], bool], seconds: float = 120) -> Job:
    """The job, once something holds."""
    limit = time.monotonic() + seconds
    while True:
        job = show(settings, job_id)
        if holds(job):
            return job
        assert time.monotonic() < limit, job.model_dump_json(indent=1)
        time.sleep(0.2)


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def printed(job: Job) -> Any:
    """What the last step printed."""
    return job.state.outcomes[-1]["output"]


def read(path: Path) -> Any:
    return json.loads(path.read_text())
