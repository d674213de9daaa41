"""What `audit verify` says of damage: it reports, it never fails, and it misses no shortened trail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from narrowcast.core.settings import Settings
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.events import GENESIS
from tests.support.cli import Cli, CliJson


@pytest.fixture
def written(project: Project) -> Project:
    for message in ("one", "two", "three"):
        project.trail.emit(StageName.PREPARE, "prepare_run", message)
    return project


def _lines(project: Project) -> list[str]:
    return project.paths.events.read_text(encoding="utf-8").splitlines(keepends=True)


def _cut(project: Project, count: int) -> None:
    """Leave so many events, and a head file that fits them."""
    lines = _lines(project)[:count]
    project.paths.events.write_text("".join(lines))
    last = json.loads(lines[-1]) if lines else {"seq": 0, "hash": GENESIS}
    project.paths.events_head.write_text(json.dumps({"seq": last["seq"], "hash": last["hash"]}))


DAMAGE: dict[str, Callable[[Project], object]] = {
    "head torn": lambda project: project.paths.events_head.write_text("{"),
    "head empty": lambda project: project.paths.events_head.write_text(""),
    "head a list": lambda project: project.paths.events_head.write_text("[]"),
    "head deep": lambda project: project.paths.events_head.write_text("[" * 100_000),
    "line a number": lambda project: project.paths.events.write_text("5\n"),
    "line deep": lambda project: project.paths.events.write_text('{"a":' * 100_000 + "\n"),
    "line not UTF-8": lambda project: project.paths.events.write_bytes(b"\xff\xfe\n"),
    "line with half a pair": lambda project: project.paths.events.write_bytes(
        project.paths.events.read_bytes().replace(b'"two"', b'"\\ud800"')
    ),
    "spool damaged": lambda project: project.paths.spool.write_bytes(b"{\n\xff\n"),
    "trail and head deleted": lambda project: (
        project.paths.events.unlink(),
        project.paths.events_head.unlink(),
    ),
    "all cut": lambda project: _cut(project, 0),
    "one cut": lambda project: _cut(project, 3),
    "two cut": lambda project: _cut(project, 2),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_a_report_and_not_an_error(
    written: Project, cli: Cli, cli_json: CliJson, name: str
) -> None:
    DAMAGE[name](written)
    report = cli_json("audit", "verify", code=3)
    assert not report["intact"]
    assert report["problems"]
    assert "not intact" in cli("audit", "verify", code=3).stdout
    written.trail.emit(StageName.PREPARE, "prepare_run", "later")
    repaired = name.startswith("head")  # trail and memory agree, so the next event writes it again
    assert written.trail.verify().intact == repaired


def test_a_recomputed_chain_does_not_fit_the_memory(written: Project) -> None:
    events = written.trail.events()
    previous, lines = events[0].hash, [events[0].model_dump_json()]
    for event in events[1:]:
        forged = event.model_copy(update={"message": "forged", "prev_hash": previous}).sealed()
        previous = forged.hash
        lines.append(forged.model_dump_json())
    written.paths.events.write_text("\n".join(lines) + "\n")
    written.paths.events_head.write_text(json.dumps({"seq": len(lines), "hash": previous}))
    assert "has another event 4" in written.trail.verify().problems[0]


def test_records_without_a_trail_are_noticed_in_a_copy(written: Project, tmp_path: Path) -> None:
    written.paths.imports.write_text("")
    shutil.copytree(written.paths.root, tmp_path / "copy")
    (tmp_path / "copy/registry/events.jsonl").unlink()
    (tmp_path / "copy/registry/events.head.json").unlink()
    with Project.open(Settings.from_environment(), str(tmp_path / "copy")) as copy:
        assert "the trail is empty" in copy.trail.verify().problems[0]


def test_the_memory_catches_up_after_it_was_missed(written: Project) -> None:
    witness = written.settings.home / "trails"
    path = next(witness.iterdir())
    older = json.loads(path.read_text())
    written.trail.emit(StageName.PREPARE, "prepare_run", "four")
    path.write_text(json.dumps(older))  # as if killed before the memory was written
    written.trail.emit(StageName.PREPARE, "prepare_run", "five")
    assert json.loads(path.read_text())["seq"] == 6
    assert written.trail.verify().intact


def test_a_new_project_in_the_same_folder_is_intact(written: Project) -> None:
    root = written.paths.root
    shutil.rmtree(root)
    with Project.create(written.settings, "other", root.with_name("other")) as other:
        assert other.trail.verify().intact


def test_a_damaged_index_is_built_again(written: Project, cli: Cli) -> None:
    for statement in ("severity = 'nope', record = '{'", "record = '{}'"):
        engine = create_engine(written.settings.database_url)
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE event_index SET {statement} WHERE seq = 2"))
        engine.dispose()
        assert "three" in cli("events").stdout


def test_text_that_is_not_unicode_does_not_lose_the_event(project: Project) -> None:
    payload = {"path": "bad\udcff.csv", "\ud800": ["\udfff"]}
    assert project.trail.emit(StageName.PREPARE, "prepare_run", "bad\udcff", payload=payload)
    assert project.trail.events()[-1].message == "bad\\udcff"
    assert project.trail.events()[-1].payload == {"path": "bad\\udcff.csv", "\\ud800": ["\\udfff"]}
    assert project.trail.verify().intact


def test_a_deleted_folder_is_not_an_empty_project(project: Project, cli: Cli, cli_json: CliJson) -> None:
    shutil.rmtree(project.paths.root)
    for command in (("data", "ledger"), ("events",), ("audit", "verify"), ("data", "imports")):
        error = cli_json(*command, "--project", "task", code=1)["error"]
        assert error["reason_code"] == "system_project_missing"
        assert str(project.paths.root) in error["message"]
    assert not project.paths.root.exists()
    assert "task" in cli("projects").stdout


def test_a_link_to_a_moved_project_is_the_same_project(project: Project, tmp_path: Path) -> None:
    moved = project.paths.root.rename(tmp_path / "moved")
    project.paths.root.symlink_to(moved)
    with Project.open(project.settings, str(moved)) as opened:
        assert opened.id == project.id
