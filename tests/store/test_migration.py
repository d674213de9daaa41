"""A project that an older version wrote: refused, migrated by one command, and nothing of it is lost."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowcast.cli.main import main
from narrowcast.core.settings import Settings
from narrowcast.errors import UsageError, WorkspaceError
from narrowcast.models.loading import read_run_manifest
from narrowcast.ops.migrate import MigrateResult, migrate
from narrowcast.ops.requests import MigrateRequest
from narrowcast.pipeline.project import Project
from narrowcast.store.project_format import CURRENT_FORMAT, read_format
from narrowcast.store.runs import current_run, finished_runs
from narrowcast.store.stage_records import load_record, records
from tests.support.kills import count_steps, killed_at

pytestmark = pytest.mark.nightly

ARCHIVES = sorted((Path(__file__).parents[1] / "fixtures/projects").glob("*.tar.xz"))
Nc = Callable[..., Any]


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name.partition(".")[0])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The home of a workspace as the older version left it, moved here."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    home = tmp_path / "workspace/home"
    connection = sqlite3.connect(home / "narrowcast.db")
    with connection:
        connection.execute("UPDATE projects SET path = ?", [str(home / "projects/loop")])
    connection.close()
    return home


@pytest.fixture
def settings(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("NARROWCAST_HOME", str(workspace))
    monkeypatch.chdir(workspace.parent)
    return Settings.from_environment()


@pytest.fixture
def nc(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Nc:
    """Run a command in this process and parse what it prints."""

    def run(*words: str, code: int = 0) -> Any:
        capsys.readouterr()
        ended = 0
        try:
            main([*words, "--json"])
        except SystemExit as end:
            ended = int(end.code or 0)
        printed = capsys.readouterr()
        assert ended == code, f"{words}: exit {ended}\n{printed.out}\n{printed.err}"
        return json.loads(printed.out)

    return run


def files(root: Path, *, apart_from: tuple[str, ...] = ()) -> dict[str, str]:
    """Every file with the hash of its content."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith(apart_from or ("lock",)) and path.suffix != ".part"
    }


def former_events(home: Path) -> list[dict[str, Any]]:
    """What the database alone held."""
    connection = sqlite3.connect(home / "narrowcast.db")
    connection.row_factory = sqlite3.Row
    found = [dict(row) for row in connection.execute("SELECT * FROM events ORDER BY seq")]
    connection.close()
    return found


def migrated(settings: Settings, *, dry_run: bool = False) -> MigrateResult:
    project = Project.open(settings, "loop", any_format=True)
    try:
        return migrate(project, MigrateRequest(dry_run=dry_run))
    finally:
        project.close()


def test_an_older_project_is_refused_with_the_command_that_helps(settings: Settings) -> None:
    with pytest.raises(UsageError, match="older version") as caught:
        Project.open(settings, "loop")
    assert caught.value.next_command.startswith("narrowcast migrate --project ")


def test_a_dry_run_says_what_would_change_and_writes_nothing(settings: Settings, workspace: Path) -> None:
    root = workspace / "projects/loop"
    before = files(root)
    said = migrated(settings, dry_run=True)
    assert files(root) == before
    assert said.from_format == 0
    assert said.to_format == CURRENT_FORMAT
    assert said.changes == migrated(settings).changes


def test_nothing_is_lost(settings: Settings, workspace: Path) -> None:
    root = workspace / "projects/loop"
    before, events = files(root), former_events(workspace)
    trained = json.loads((root / "registry/stages/train.json").read_text())
    runs = {path.stem: json.loads(path.read_text()) for path in (root / "registry/runs").glob("*.json")}
    migrated(settings)

    after = files(root)
    moved = {"registry/stages/train.json", "registry/events.head.json"}
    moved |= {name for name in before if name.endswith("/run.json")}
    moved |= {f"registry/runs/{run_id}.json" for run_id in runs}
    assert {name: digest for name, digest in before.items() if name not in moved} == {
        name: after.get(name) for name in before if name not in moved
    }
    project = Project.open(settings, "loop")
    kept = project.trail.events()
    assert [(event.id, event.hash) for event in kept[:-1]] == [(each["id"], each["hash"]) for each in events]
    assert kept[-1].reason_code == "project_migrated"
    assert project.trail.verify().intact
    current = current_run(project.paths)
    assert current is not None
    assert current.run_id == trained["run_id"]
    assert {each.run_id: each.result for each in records(project.paths, "train")} == {
        run_id: record["result"] for run_id, record in (runs | {trained["run_id"]: trained}).items()
    }
    for run_id in runs:
        recipe = read_run_manifest(project.paths, run_id).recipe
        assert "word_dropout" in recipe
        assert "input_noise" not in recipe
        assert recipe["loss_turns"] == "last"
    assert {each.run_id for each in finished_runs(project.paths)} == set(runs)
    for stage in ("prepare", "baseline", "evaluate"):
        assert load_record(project.paths, stage) is not None
    project.close()
    assert migrated(settings).changes == []


def test_a_migration_that_is_killed_at_any_step_is_continued(
    settings: Settings, workspace: Path, tmp_path: Path
) -> None:
    """The outcome is that of an uninterrupted one, and one event names every change."""
    shutil.copytree(workspace, tmp_path / "whole")
    root = workspace / "projects/loop"
    said = migrated(settings)
    apart = ("lock", "events.")
    expected = files(root, apart_from=apart)

    def restored() -> Path:
        shutil.rmtree(workspace)
        shutil.copytree(tmp_path / "whole", workspace)
        return root

    steps = count_steps(restored(), lambda: migrated(settings))
    assert steps > len(said.changes)
    for step in range(1, steps + 1):
        killed_at(step, restored(), lambda: migrated(settings))
        migrated(settings)
        assert files(root, apart_from=apart) == expected, step
        project = Project.open(settings, "loop")
        assert project.trail.verify().intact, step
        events = [each for each in project.trail.events() if each.reason_code == "project_migrated"]
        assert [event.payload["changes"] for event in events] == [said.changes[:-1]], step
        project.close()


def test_a_copy_finds_its_events_by_its_head(settings: Settings, workspace: Path, tmp_path: Path) -> None:
    shutil.copytree(workspace / "projects/loop", tmp_path / "copy")
    count = len(former_events(workspace))
    copy = Project.open(settings, str(tmp_path / "copy"), any_format=True)
    migrate(copy, MigrateRequest())
    assert len(copy.trail.events()) == count + 1
    assert copy.trail.verify().intact
    copy.close()
    elsewhere = Settings.from_environment(home=tmp_path / "elsewhere")
    shutil.copytree(workspace / "projects/loop", tmp_path / "clone")
    clone = Project.open(elsewhere, str(tmp_path / "clone"), any_format=True)
    said = migrate(clone, MigrateRequest()).changes
    assert any(f"{count} of {count} events are not in this workspace's database" in each for each in said)
    assert not clone.trail.verify().intact, "the gap shows"
    clone.close()


def test_every_command_works_on_a_migrated_project(nc: Nc, workspace: Path) -> None:
    before = len(former_events(workspace))
    assert nc("data", "imports", "--project", "loop", code=2)["error"]["actionable_fix"].startswith(
        "narrowcast migrate"
    )
    assert nc("migrate", "--project", "loop")["changes"]
    imports = nc("data", "imports", "--project", "loop")
    assert len(imports) >= 3
    assert nc("data", "ledger", "--project", "loop")["balanced"]
    assert len(nc("data", "versions", "--project", "loop")) >= 2
    runs = nc("runs", "list", "--project", "loop")
    assert len(runs) == 2
    for run in runs:
        assert nc("runs", "show", run["run_id"], "--project", "loop")["manifest"]["run_id"] == run["run_id"]
    assert len(nc("events", "--project", "loop", "--limit", "1000")) == before + 1
    assert nc("audit", "verify", "--project", "loop")["intact"]
    assert nc("data", "review", "--project", "loop")["open"] is not None


def test_a_project_of_a_newer_version_is_refused(project: Project, settings: Settings) -> None:
    project.paths.format.write_text(json.dumps({"format": CURRENT_FORMAT + 1}))
    with pytest.raises(UsageError, match="this version knows"):
        Project.open(settings, project.slug)
    with pytest.raises(UsageError, match="this version knows"):
        migrate(project, MigrateRequest())
    project.paths.format.write_text("{}")
    with pytest.raises(WorkspaceError, match="cannot be read"):
        Project.open(settings, project.slug)


def test_a_clone_without_records_has_the_current_format(project: Project, settings: Settings) -> None:
    shutil.rmtree(project.paths.registry)
    opened = Project.open(settings, project.slug)
    assert read_format(opened.paths) == CURRENT_FORMAT
    assert opened.paths.format.exists()
    opened.close()
