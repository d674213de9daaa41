"""One step of a job: a process, watched until it ends or is to stop."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from narrowcast.core.settings import Settings
from narrowcast.jobs.progress import VARIABLE
from narrowcast.jobs.record import JobFiles, JobRequest
from narrowcast.store.files import write_json

_POLL = 0.2  # seconds between two looks at the process
_BEAT = 1.0  # seconds between two heartbeats, each of which asks whether to stop
_GRACE = 120.0  # seconds a process has for its checkpoint before it is killed

# Commands that continue from where they were; all others skip what is done already, or begin again.
_RESUMABLE = {"call", "train"}


class Stopped(Exception):  # noqa: N818 - not an error
    """The step was asked to stop, and did."""


def run_step(
    files: JobFiles, request: JobRequest, step: int, settings: Settings, wanted: Callable[[], bool]
) -> dict[str, Any]:
    """Run the command of a step to its end.

    Args:
        files: of the job.
        request: of the job.
        step: from 0.
        settings: handed on to the process.
        wanted: asked once a second; False stops the process with SIGTERM.

    Returns:
        `{"exit_code": int, "output": what it printed}`; the exit code is negative where a signal ended it.

    Raises:
        Stopped: when it was no longer wanted.
    """
    state = files.state()
    if state.step != step:
        state.step, state.attempts = step, 0
    state.error = None
    # The lock waits for a process that an earlier worker left behind.
    with _locked_log(files, state.pid, wanted) as log:
        state.attempts += 1
        command = _command(request.commands[step], state.attempts)
        log.write(f"--- step {step + 1}, attempt {state.attempts}: narrowcast {' '.join(command)}\n".encode())
        log.flush()
        with files.output.open("wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", "narrowcast.jobs.child", str(os.getpid()), *command],
                env=_environment(settings, request, files),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                start_new_session=True,
            )
    state.pid = child.pid
    beat = 0.0
    while child.poll() is None:
        if time.monotonic() - beat >= _BEAT:
            beat = time.monotonic()
            state.heartbeat = datetime.now(UTC).isoformat(timespec="seconds")
            write_json(files.state_path, state.model_dump())
            if not wanted():
                _stop(child)
                raise Stopped
        time.sleep(_POLL)
    state.pid = None
    outcome = {"exit_code": child.returncode, "output": _printed(files.output)}
    state.error = _error(outcome, files) if child.returncode else None
    state.outcomes = [*state.outcomes[:step], outcome]
    write_json(files.state_path, state.model_dump())
    return outcome


def _command(command: list[str], attempt: int) -> list[str]:
    words = [*command]
    if attempt > 1 and command[0] in _RESUMABLE and "--resume" not in command:
        words.append("--continue")
    return words if "--json" in words else [*words, "--json"]


def _locked_log(files: JobFiles, orphan: int | None, wanted: Callable[[], bool]) -> IO[bytes]:
    files.folder.mkdir(parents=True, exist_ok=True)
    log = files.log.open("ab")
    limit = time.monotonic() + _GRACE
    while True:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wanted():
                log.close()
                raise Stopped from None
            if orphan is not None and time.monotonic() > limit and _is_step_of(files, orphan):
                os.killpg(orphan, signal.SIGKILL)
            time.sleep(_BEAT)
        else:
            return log


def _is_step_of(files: JobFiles, pid: int) -> bool:
    """Whether a process id, which may have been given away since, is that of a step of this job (Linux)."""
    with suppress(OSError):
        variable = f"{VARIABLE}={files.progress_path}".encode()
        return variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def _environment(settings: Settings, request: JobRequest, files: JobFiles) -> dict[str, str]:
    return {
        **os.environ,
        **settings.to_environment(),
        "NARROWCAST_PROJECT": str(request.project),
        VARIABLE: str(files.progress_path),
    }


def _stop(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _printed(path: Path) -> Any:
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return text[-2000:]


def _error(outcome: dict[str, Any], files: JobFiles) -> dict[str, Any]:
    printed = outcome["output"]
    if isinstance(printed, dict) and isinstance(printed.get("error"), dict):
        return dict(printed["error"])
    code = outcome["exit_code"]
    if code < 0:
        what = f"the process was killed by {signal.Signals(-code).name}"
        reason = "job_process_died"
    else:
        what, reason = f"the command ended with exit code {code}", "job_failed"
    job = files.folder.name
    return {
        "reason_code": reason,
        "stage": "system",
        "message": what,
        "actionable_fix": f"narrowcast jobs logs {job}, then narrowcast jobs resume {job}",
    }
