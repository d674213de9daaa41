"""A step whose process is killed ends with a code and the next command."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from narrowcast.core.settings import Settings
from narrowcast.errors import StageError
from narrowcast.jobs import process, worker
from narrowcast.jobs.record import JobFiles, JobRequest

pytestmark = pytest.mark.nightly


def _kill_when_started(files: JobFiles) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if files.state_path.exists() and (pid := files.state().pid) is not None:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.002)


def test_a_dying_process_is_named_and_what_to_do(project, settings: Settings):
    request = JobRequest(project=project.id, commands=[["data", "ledger"]])
    files = JobFiles.of(settings, "job-00000001")
    killer = threading.Thread(target=_kill_when_started, args=(files,))
    killer.start()
    outcome = process.run_step(files, request, 0, settings, lambda: True)
    killer.join()
    assert outcome["exit_code"] == -signal.SIGKILL
    error = files.state().error
    assert error["reason_code"] == "job_process_died"
    assert "killed by SIGKILL" in error["message"]
    assert "narrowcast jobs resume job-00000001" in error["actionable_fix"]
    with pytest.raises(StageError) as caught:
        worker._succeeded(settings, "job-00000001", request, 0, outcome)
    assert caught.value.reason_code == "job_process_died"
    assert [event.reason_code for event in project.trail.events(run="job-00000001")] == ["job_process_died"]
