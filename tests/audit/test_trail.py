"""The trail: chained, tamper-evident, and never in the way of a data write."""

import json
import threading

import pytest
from sqlalchemy import create_engine, text

from narrowcast.pipeline.project import Project
from narrowcast.reasons import Severity, StageName


def _emit(project: Project, message: str) -> None:
    project.trail.emit(StageName.PREPARE, "prepare_run", message, payload={"rows": 3}, run="prepare-1")


def _sql(project: Project, statement: str) -> None:
    engine = create_engine(project.settings.database_url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_events_are_numbered_and_chained(project: Project) -> None:
    _emit(project, "one")
    _emit(project, "two")
    events = project.trail.events()
    assert [event.seq for event in events] == [1, 2, 3]
    assert [event.message for event in events[1:]] == ["one", "two"]
    assert events[2].prev_hash == events[1].hash
    assert events[1].severity is Severity.INFO
    assert events[1].actor == project.settings.actor
    assert project.trail.verify().intact


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE events SET message = 'forged' WHERE seq = 2", "event 2 was changed"),
        ("UPDATE events SET payload = '{\"rows\": 4}' WHERE seq = 2", "event 2 was changed"),
        ("DELETE FROM events WHERE seq = 2", "event 2 is missing"),
        ("DELETE FROM events WHERE seq = 3", "the trail ends at event 2"),
    ],
)
def test_a_changed_trail_is_found(project: Project, statement: str, problem: str) -> None:
    _emit(project, "one")
    _emit(project, "two")
    _sql(project, statement)
    report = project.trail.verify()
    assert not report.intact
    assert any(problem in each for each in report.problems), report.problems


def test_a_refusing_database_spools_the_event_and_shows_a_gap(project: Project) -> None:
    _sql(project, "ALTER TABLE events RENAME TO elsewhere")
    assert project.trail.emit(StageName.PREPARE, "prepare_run", "lost?") is None
    spooled = [json.loads(line) for line in project.paths.spool.read_text().splitlines()]
    assert spooled[0]["message"] == "lost?"
    assert "no such table" in spooled[0]["spooled_because"]
    _sql(project, "ALTER TABLE elsewhere RENAME TO events")
    report = project.trail.verify()
    assert report.spooled == 1
    assert not report.intact


def test_a_code_outside_the_taxonomy_can_not_be_emitted(project: Project) -> None:
    with pytest.raises(ValueError, match="not in the taxonomy"):
        project.trail.emit(StageName.PREPARE, "made_up", "?")


def test_many_writers_make_one_chain(project: Project) -> None:
    def write(name: str) -> None:
        for number in range(10):
            _emit(project, f"{name} {number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = project.trail.verify()
    assert report.events == 41
    assert report.spooled == 0
    assert report.intact, report.problems
