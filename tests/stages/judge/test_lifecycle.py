"""Every judge run ends in one event with its run and its generation."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrowcast.errors import StageError, UsageError
from narrowcast.pipeline.project import Project
from tests.support.events import last_run
from tests.support.factory import Teachers, declare_labels, gate, judge, write_rows


@pytest.fixture
def rows(project: Project, tmp_path: Path) -> Path:
    """One row that passes the gates."""
    declare_labels(project, ["billing", "shipping"])
    text = "the invoice of March shows two payments for one month"
    return write_rows(tmp_path / "rows.jsonl", [{"text": text, "label": "billing"}])


def test_a_judge_that_is_down_ends_the_run_with_an_event(
    project: Project, teachers: Teachers, rows: Path
) -> None:
    teachers.start(script=lambda *_: (503, {}, {"error": "down"}))
    with pytest.raises(StageError):
        judge(project, rows=rows, attempts=1)
    started, checked, ended = last_run(project)
    assert checked.reason_code == "factory_teacher_checked"
    assert (started.reason_code, ended.reason_code) == ("stage_started", "factory_teacher_unavailable")
    assert started.run == ended.run
    assert started.parent == ended.parent
    assert (started.parent or "").startswith("gen-")


def test_without_a_judge_the_failure_is_an_event(project: Project, rows: Path) -> None:
    with pytest.raises(UsageError, match="no teacher is set"):
        judge(project, rows=rows)
    assert last_run(project)[-1].reason_code == "factory_teacher_missing"


def test_judgements_and_gates_belong_to_one_generation(
    project: Project, teachers: Teachers, rows: Path
) -> None:
    teachers.start(script=lambda server, body, _: server.said(body, "a lovely row"))
    judged = judge(project, rows=rows)
    assert judged.rejected
    with pytest.raises(Exception, match="none of 1 rows"):
        gate(project)
    events = [event for event in project.trail.events() if event.parent == judged.generation]
    assert [event.reason_code for event in events] == [
        "stage_started",
        "factory_teacher_checked",
        "factory_judge_run",
        "stage_started",
        "factory_gate_failed",
    ]
    assert len({event.run for event in events}) == 2
