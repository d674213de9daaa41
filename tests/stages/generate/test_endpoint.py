"""Teachers that are busy, refuse, break off or are not set."""

from __future__ import annotations

from typing import Any

import pytest

from narrowcast.errors import NarrowcastError, StageError, UsageError
from narrowcast.pipeline.project import Project
from narrowcast.testing.teacher_server import TeacherServer
from tests.support.factory import ONE_ROW, Teachers, declare_labels, generate, set_teacher, write_plan

pytestmark = pytest.mark.nightly


def test_retry_after_is_respected_and_refusals_end_the_run(project: Project, teachers: Teachers) -> None:
    def busy_once(server: TeacherServer, body: dict[str, Any], number: int) -> Any:
        return (429, {"retry-after": "1"}, {"error": "slow down"}) if number == 0 else None

    server = teachers.start(script=busy_once)
    declare_labels(project, ["billing"])
    write_plan(project, ONE_ROW)
    record = generate(project).record
    assert record.complete
    assert len(server.times) == 2
    assert server.times[1] - server.times[0] >= 1.0

    refusing = teachers.start(script=lambda *_: (401, {}, {"error": {"message": "wrong key"}}))
    with pytest.raises(StageError, match="401") as refused:
        generate(project, seed=9)
    assert refused.value.reason_code == "factory_teacher_refused"
    assert len(refusing.bodies) == 1


def test_a_teacher_that_breaks_off_ends_the_run_and_counts_as_maybe_paid(
    project: Project, teachers: Teachers
) -> None:
    server = teachers.start(script=lambda *_: (503, {}, {"error": "down"}))
    declare_labels(project, ["billing"])
    write_plan(project, ONE_ROW)
    with pytest.raises(StageError) as failed:
        generate(project, attempts=2)
    assert failed.value.reason_code == "factory_teacher_unavailable"
    assert len(server.bodies) == 2
    assert project.trail.events()[-1].reason_code == "factory_teacher_unavailable"


def test_without_a_teacher_the_error_says_what_to_set(project: Project) -> None:
    declare_labels(project, ["billing"])
    with pytest.raises(UsageError) as missing:
        generate(project)
    assert "NARROWCAST_TEACHER_URL" in str(missing.value)
    assert "--source templates" in missing.value.next_command


@pytest.mark.parametrize(
    ("url", "key", "what"),
    [
        ("ftp://teacher/v1", "", "not an http"),
        ("https://me:secret@teacher.example/v1", "", "contains a password"),
        ("http://teacher.example/v1", "secret", "unencrypted"),
    ],
)
def test_addresses_that_give_a_key_away_are_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, url: str, key: str, what: str
) -> None:
    set_teacher(project, url, "m", monkeypatch, key=key)
    declare_labels(project, ["billing"])
    with pytest.raises(NarrowcastError, match=what) as refused:
        generate(project)
    assert "secret" not in str(refused.value)
