"""Projects: found by number, slug, folder, place and choice; one writer at a time."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from narrowcast.core.settings import Settings
from narrowcast.errors import ProjectBusyError, UsageError
from narrowcast.pipeline.project import Project, projects


def test_ways_to_name_a_project(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Project.create(settings, "First Task!")
    two = Project.create(settings, "second")
    assert one.slug == "first-task"
    for ref in ("1", "first-task", str(one.paths.root), str(one.paths.config)):
        assert Project.open(settings, ref).id == one.id
    assert Project.open(settings).id == two.id, "looking at one does not make it the one in use"
    with Project.open(settings, "first-task") as opened, opened.lock("prepare"):
        pass
    assert Project.open(settings).id == two.id, "neither does working on it"
    one.use()
    assert Project.open(settings).id == one.id, "the one that was chosen last"
    monkeypatch.chdir(one.paths.root)
    assert Project.open(settings).id == one.id, "the one the current folder lies in"
    assert Project.open(settings.model_copy(update={"project": "2"})).id == two.id
    assert [entry.slug for entry in projects(settings)] == ["first-task", "second"]


def test_opening_a_project_writes_nothing(project: Project, settings: Settings) -> None:
    with Project.open(settings, project.slug) as opened:
        assert opened.trail.events()
    before = _content(settings.home)
    with Project.open(settings, project.slug) as opened:
        assert opened.config.name == "task"
        assert len(opened.trail.events()) == 1
    with Project.open(settings) as opened:
        assert opened.id == project.id
    assert _content(settings.home) == before


def _content(home: Path) -> dict[str, object]:
    """Every file below the workspace; of the database its rows, as its write-ahead log may come and go."""
    found: dict[str, object] = {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in home.rglob("*")
        if path.is_file() and not path.name.startswith("narrowcast.db")
    }
    with closing(sqlite3.connect(home / "narrowcast.db")) as database:
        found["database"] = list(database.iterdump())
    return found


def test_a_copied_folder_becomes_a_project(settings: Settings, tmp_path: Path) -> None:
    import shutil

    one = Project.create(settings, "task")
    shutil.copytree(one.paths.root, tmp_path / "copy")
    copy = Project.open(settings, str(tmp_path / "copy"))
    assert copy.id != one.id
    assert copy.slug == "task-2"


@pytest.mark.parametrize("name", ["", "!!!"])
def test_a_name_needs_letters(settings: Settings, name: str) -> None:
    with pytest.raises(UsageError):
        Project.create(settings, name)


def test_names_are_taken_once(settings: Settings) -> None:
    Project.create(settings, "task")
    with pytest.raises(UsageError):
        Project.create(settings, "Task")


def test_an_unknown_project_is_a_usage_error(settings: Settings) -> None:
    with pytest.raises(UsageError, match="no project yet"):
        Project.open(settings)
    with pytest.raises(UsageError, match="no such project"):
        Project.open(settings, "nope")


def test_two_writers_exclude_each_other_until_one_dies(project: Project) -> None:
    script = (
        "import sys, time; from pathlib import Path; from narrowcast.store.lock import project_lock\n"
        "with project_lock(Path(sys.argv[1]), 'train'): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(project.paths.lock)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ProjectBusyError, match=f"process {holder.pid}: train"), project.lock("run"):
            pass
        holder.kill()
        holder.wait()
        with project.lock("run"):
            pass


def test_a_wrong_configuration_names_every_mistake(project: Project) -> None:
    project.paths.config.write_text("name: x\ntrain: 3\nepocs: 2\n")
    with pytest.raises(UsageError) as caught:
        _ = project.config
    assert "train" in str(caught.value)
    assert "epocs" in str(caught.value)
