"""Runs of a generation: staleness by content, and one terminal event with run and generation."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrowcast.core.progress import CancelToken
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, StageError
from narrowcast.factory.requests import GenerateRequest
from narrowcast.ops.generations import generate as generate_rows
from narrowcast.pipeline.project import Project
from tests.support.events import last_run
from tests.support.factory import PLAN, Teachers, declare_labels, generate, write_plan


@pytest.fixture
def planned(project: Project) -> Project:
    """A project with a plan of 24 rows."""
    declare_labels(project, ["billing", "shipping"])
    write_plan(project, PLAN)
    return project


def test_a_higher_cap_is_another_run_of_the_same_generation(planned: Project, teachers: Teachers) -> None:
    teachers.start()
    first = generate(planned, batch=1, cap_tokens=8_000, max_tokens=200).record
    capped = last_run(planned)
    assert [event.reason_code for event in capped] == [
        "stage_started",
        "factory_teacher_checked",
        "factory_cap_reached",
        "factory_generate_run",
    ]
    assert {event.parent for event in capped} == {first.id}

    second = generate(planned, batch=1, cap_tokens=100_000, max_tokens=200).record
    continued = last_run(planned)
    assert second.id == first.id
    assert [event.reason_code for event in continued] == ["stage_started", "factory_generate_run"]
    assert {event.parent for event in continued} == {first.id}
    assert continued[0].run != capped[0].run


def test_an_unchanged_generation_is_not_run_again(planned: Project, teachers: Teachers) -> None:
    server = teachers.start()
    first = generate(planned, batch=2)
    count, calls = len(planned.trail.events()), len(server.bodies)
    assert generate(planned, batch=2, concurrency=1, timeout=5.0) == first, "patience is not content"
    assert len(planned.trail.events()) == count
    write_plan(planned, PLAN.replace("rows: 24", "rows: 12"))
    assert generate(planned, batch=2).record.id != first.record.id
    (planned.paths.root / first.path).unlink()
    write_plan(planned, PLAN)
    again = generate(planned, batch=2).record
    assert again.rows_sha256 == first.record.rows_sha256
    assert again.spending.stored_calls == calls, "lost rows are made again of paid answers"


def test_a_failed_generation_ends_with_an_event(planned: Project, teachers: Teachers) -> None:
    teachers.start(script=lambda *_: (401, {}, {"error": {"message": "wrong key"}}))
    with pytest.raises(StageError, match="401"):
        generate(planned)
    started, checked, ended = last_run(planned)
    assert checked.reason_code == "factory_teacher_checked"
    assert (started.reason_code, ended.reason_code) == ("stage_started", "factory_teacher_refused")
    assert started.run == ended.run
    assert started.parent == ended.parent is not None


def test_a_cancelled_generation_ends_with_an_event(planned: Project, teachers: Teachers) -> None:
    teachers.start()
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        generate_rows(planned, GenerateRequest(), Work(cancel=token))
    assert last_run(planned)[-1].reason_code == "factory_cancelled"
    assert not list(Path(planned.paths.root / "data/generated").glob("*/generation.json"))
