"""The trail: chained, tamper-evident, and never in the way of a data write."""

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from narrowcast.core.settings import Settings
from narrowcast.pipeline.project import Project
from narrowcast.reasons import Severity, StageName
from tests.support.cli import Cli, CliJson


def _emit(project: Project, message: str) -> None:
    project.trail.emit(StageName.PREPARE, "prepare_run", message, payload={"rows": 3}, run="prepare-1")


def _lines(project: Project) -> list[str]:
    return project.paths.events.read_text(encoding="utf-8").splitlines(keepends=True)


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


def _swap(lines: list[str]) -> list[str]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda lines: [line.replace('"two"', '"forged"') for line in lines], "event 3 was changed"),
        (lambda lines: [line.replace('"rows":3', '"rows":4') for line in lines], "event 2 was changed"),
        (lambda lines: [lines[0], *lines[2:]], "event 2 is missing (found 3)"),
        (_swap, "event 2 is missing (found 3)"),
        (lambda lines: lines[:-1], "the trail ends at event 3, its head file says 4"),
        (lambda _: [], "the trail ends at event 0, its head file says 4"),
        (lambda lines: [lines[0], "no event\n", *lines[2:]], "the line after event 1 is not an event"),
    ],
)
def test_a_changed_trail_is_found_even_after_the_next_event(
    project: Project, change: Callable[[list[str]], list[str]], problem: str
) -> None:
    for message in ("one", "two", "three"):
        _emit(project, message)
    project.paths.events.write_text("".join(change(_lines(project))), encoding="utf-8")
    report = project.trail.verify()
    assert not report.intact
    assert any(problem in each for each in report.problems), report.problems
    _emit(project, "later")
    assert not project.trail.verify().intact, "the next event does not write over the gap"


def test_a_forged_trail_with_a_chain_of_its_own_does_not_fit_the_head(project: Project) -> None:
    _emit(project, "one")
    events = project.trail.events()
    forged = events[-1].model_copy(update={"message": "other"}).sealed()
    lines = _lines(project)
    project.paths.events.write_text("".join([*lines[:-1], forged.model_dump_json() + "\n"]))
    assert project.trail.verify().problems[0] == "event 2 is not the one the head file names"


def test_a_missing_head_file_is_found(project: Project) -> None:
    project.paths.events_head.unlink()
    assert project.trail.verify().problems == ["the head file is missing or damaged"]


def test_a_file_that_refuses_spools_the_event_and_shows_a_gap(project: Project) -> None:
    project.paths.events.rename(project.paths.events.with_suffix(".aside"))
    project.paths.events.mkdir()
    assert project.trail.emit(StageName.PREPARE, "prepare_run", "lost?") is None
    spooled = [json.loads(line) for line in project.paths.spool.read_text().splitlines()]
    assert spooled[0]["message"] == "lost?"
    assert "directory" in spooled[0]["spooled_because"]
    project.paths.events.rmdir()
    project.paths.events.with_suffix(".aside").rename(project.paths.events)
    report = project.trail.verify()
    assert report.spooled == 1
    assert not report.intact


def test_a_refusing_database_loses_no_event(project: Project) -> None:
    _sql(project, "ALTER TABLE event_index RENAME TO elsewhere")
    _emit(project, "written")
    assert project.trail.verify().events == 2
    _sql(project, "ALTER TABLE elsewhere RENAME TO event_index")
    assert [event.message for event in project.trail.events()][1:] == ["written"]


def test_a_payload_that_is_not_json_does_not_stop_the_event(project: Project) -> None:
    payload = {"loss": float("nan"), "where": project.paths.root, "text": "\0 \u2028"}
    project.trail.emit(StageName.PREPARE, "prepare_run", "odd", payload=payload)
    assert project.trail.events()[-1].payload["loss"] == "NaN"
    assert project.trail.verify().intact


def test_events_are_found_by_run_and_parent(project: Project) -> None:
    for run, parent in (("exp-1", None), ("evaluate-1", "exp-1"), ("evaluate-2", "exp-2")):
        project.trail.emit(StageName.EVAL, "eval_run", run, run=run, parent=parent)
    assert [event.run for event in project.trail.events(parent="exp-1")] == ["evaluate-1"]
    assert [event.run for event in project.trail.events(run="exp-1")] == ["exp-1"]
    assert [event.run for event in project.trail.events(stage=StageName.EVAL, limit=2)] == [
        "evaluate-1",
        "evaluate-2",
    ]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_copied_project_has_its_whole_trail(project: Project, tmp_path: Path, elsewhere: bool) -> None:
    _emit(project, "one")
    shutil.copytree(project.paths.root, tmp_path / "copy")
    home = tmp_path / "other" if elsewhere else project.settings.home
    copy = Project.open(Settings.from_environment(home=home), str(tmp_path / "copy"))
    assert copy.trail.verify().intact
    assert copy.trail.events() == project.trail.events()
    _emit(copy, "in the copy")
    _emit(project, "in the original")
    for opened, message in ((copy, "in the copy"), (project, "in the original")):
        assert opened.trail.verify().intact
        assert opened.trail.events()[-1].message == message
    copy.close()


def test_a_project_copied_to_another_workspace_passes_verification(
    cli: Cli, cli_json: CliJson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "text,label\n" + "".join(f"message number {each},{'ab'[each % 2]}\n" for each in range(20))
    )
    cli("init", "shop", "--yes")
    mapping = ("--mapper", "label_to_classification", "--map", "text=text,label=label")
    cli("data", "import", "--locator", f"csv:{rows}", *mapping, "--project", "shop")
    before = cli_json("events", "--project", "shop")
    shutil.copytree(tmp_path / "home/projects/shop", tmp_path / "elsewhere")
    monkeypatch.setenv("NARROWCAST_HOME", str(tmp_path / "another home"))
    report = cli_json("audit", "verify", "--project", tmp_path / "elsewhere")
    assert report["intact"], report["problems"]
    assert report["events"] == len(before) > 2
    assert cli_json("events", "--project", tmp_path / "elsewhere") == before


def test_a_code_outside_the_taxonomy_cannot_be_emitted(project: Project) -> None:
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
