"""Generations that are killed, interrupted or orphaned: every answer is paid once, and none is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from narrowcast.testing.teacher_server import TeacherServer
from tests.support.factory import ONE_ROW, PLAN, Teachers, declare_labels, generate, write_plan

pytestmark = pytest.mark.nightly


def _generate_command(project: Project, *options: str) -> list[str]:
    command = [sys.executable, "-m", "narrowcast.cli.main", "data", "generate", "--project", project.slug]
    return [*command, "--json", *options]


def _started(command: list[str], server: TeacherServer, calls: int) -> subprocess.Popen[bytes]:
    """A process that has made this number of calls."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wanted = len(server.bodies) + calls
    deadline = time.monotonic() + 60
    while len(server.bodies) < wanted and time.monotonic() < deadline:
        assert process.poll() is None, "ended too early"
        time.sleep(0.005)
    return process


def _killed(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_run_killed_three_times_makes_each_paid_call_once(
    project: Project, teachers: Teachers, capsys: pytest.CaptureFixture[str]
) -> None:
    server = teachers.start(delay=0.25)
    declare_labels(project, ["billing", "shipping"])
    plan = PLAN.replace("rows: 24", "rows: 240").replace("[easy, hard]", "[easy, medium, hard, nasty]")
    write_plan(project, plan.replace("[canonical,", "[canonical, long, short, shy,"))
    cap, price = 0.5, 1.0
    command = _generate_command(project, "--batch", "5", "--concurrency", "3", "--cap-cost", str(cap))
    command += ["--price-prompt", str(price), "--price-completion", str(price)]

    chance, under_way = random.Random(7), 0
    for _ in range(3):
        process = _started(command, server, chance.randint(1, 5))
        time.sleep(chance.random() * 0.25)
        _killed(process)
        under_way += server.under_way
    # Immediately, while calls of the killed run are still in flight.
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    record = json.loads(done.stdout)["record"]

    lines = [
        line
        for line in read_jsonl(project.paths.root / "data/generated/calls.jsonl")
        if line["run"] == record["id"]  # the questions that a teacher answers first are a run of their own
    ]
    counts = server.counts()
    assert under_way, "no call was under way at a kill, so the test proves nothing"
    assert record["complete"]
    assert len(counts) == sum(cell["calls"] for cell in record["cells"]) == 48
    assert set(counts.values()) == {1}, "a call was made twice"
    assert sum(line["event"] == "answered" for line in lines) == len(server.bodies) == 48
    assert record["spending"]["lost_calls"] == 0
    assert server.tokens == record["spending"]["tokens"]
    assert server.tokens * price / 1_000_000 == pytest.approx(record["spending"]["cost"])
    assert record["spending"]["cost"] <= cap
    with capsys.disabled():
        print(f"\n  three kills: 48 calls, {len(server.bodies)} requests, {under_way} under way at a kill")

    subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert len(server.bodies) == 48


def test_where_the_calling_process_itself_is_killed_the_call_is_lost_and_asked_with_the_same_key(
    project: Project, teachers: Teachers
) -> None:
    server = teachers.start(delay=1.0)
    declare_labels(project, ["billing"])
    write_plan(
        project,
        "{rows: 2, categories: [{name: billing, label: billing}], difficulties: [easy, hard], "
        "edge_cases: [canonical]}",
    )
    process = _started(_generate_command(project), server, 2)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 1
    os.kill(int(children[0]), signal.SIGKILL)
    assert process.wait(timeout=30) == 1
    assert project.trail.events()[-1].reason_code == "factory_caller_died"

    time.sleep(1.2)  # answers to the dead are written and lost
    record = generate(project).record
    assert record.complete
    assert record.spending.lost_calls == 2
    assert len(server.idempotency_keys) == 4
    assert len(set(server.idempotency_keys)) == 2
    # A lost call counts with its highest possible cost, so no more can be billed than is counted.
    assert server.tokens < record.spending.tokens


def test_a_run_waits_for_the_calls_of_a_killed_one_and_says_so(project: Project, teachers: Teachers) -> None:
    released = threading.Event()
    server = teachers.start(script=lambda *_: None if released.wait(60) else (500, {}, {}))
    declare_labels(project, ["billing"])
    write_plan(project, ONE_ROW)
    command = _generate_command(project)
    _killed(_started(command, server, 1))
    command.remove("--json")
    after = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert after.stderr is not None
    said = next((line for line in after.stderr if "in flight: waiting for their answers" in line), None)
    released.set()
    after.communicate(timeout=60)
    assert said is not None
    assert after.returncode == 0
    assert len(server.bodies) == 1


def test_ctrl_c_waits_for_what_is_under_way_and_loses_nothing(project: Project, teachers: Teachers) -> None:
    server = teachers.start(delay=0.3)
    declare_labels(project, ["billing", "shipping"])
    write_plan(project, PLAN)
    command = _generate_command(project, "--batch", "2")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while len(server.bodies) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(said)["error"]["reason_code"] == "factory_cancelled"
    made = len(server.bodies)
    assert made < 12

    record = generate(project, batch=2).record
    assert record.complete
    assert record.spending.lost_calls == 0
    assert record.spending.stored_calls == made
    assert len(server.bodies) == 12
