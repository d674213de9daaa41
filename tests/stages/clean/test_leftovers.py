"""What a killed cleaning leaves: the next command of any kind removes it."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from narrowcast.ops.clean import clean
from narrowcast.ops.requests import CleanRequest
from narrowcast.pipeline.project import Project
from narrowcast.store.files import atomic_folder, write_text
from tests.support.cli import Cli
from tests.support.kills import count_steps, killed_at

ADDRESS = "bob.smith@example.org"


def _hidden(root: Path) -> list[Path]:
    return [path for path in root.rglob(".*") if path.name != ".gitignore"]


@pytest.fixture
def request_(tmp_path: Path) -> CleanRequest:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": f"Write to {ADDRESS}, row {n}."}) + "\n" for n in range(9)))
    return CleanRequest(locator=f"jsonl:{path}", options={"pii": "redact", "secrets": "off"})


def test_no_kill_of_a_cleaning_leaves_rows_behind_the_next_command(
    project: Project, request_: CleanRequest, cli: Cli, tmp_path: Path
) -> None:
    whole = Path(shutil.copytree(project.paths.root, tmp_path / "whole"))

    def work() -> None:
        with Project.open(project.settings, "task") as opened:
            clean(opened, request_)

    root, left = project.paths.root, 0
    project.close()
    for step in range(1, count_steps(root, work) + 1, 3):
        shutil.rmtree(root)
        shutil.copytree(whole, root)
        killed_at(step, root, work)
        left += bool(_hidden(root / "data"))
        cli(
            "data", "balance", "--cap", "5", "--project", "task", code=None
        )  # any command that takes the lock
        assert not _hidden(root), step
    assert left, "no kill left anything, so this test shows nothing"


def test_what_was_moved_away_without_a_successor_is_put_back(project: Project) -> None:
    target = project.paths.root / "outputs" / "thing"
    with atomic_folder(target) as folder:
        write_text(folder / "file", "first")

    def work() -> None:
        with atomic_folder(target) as folder:
            write_text(folder / "file", "second")

    for step in range(1, count_steps(project.paths.root, work) + 1):
        killed_at(step, project.paths.root, work)
        with project.lock("test"):
            pass
        assert (target / "file").read_text() in ("first", "second")
        assert [path.name for path in target.parent.iterdir()] == ["thing"]


def test_what_a_living_process_writes_stays(project: Project) -> None:
    target = project.paths.root / "outputs" / "thing"
    with atomic_folder(target) as folder:
        with project.lock("test"):
            pass
        write_text(folder / "file", "text")
    assert (target / "file").read_text() == "text"


def test_the_scratch_folder_of_a_killed_dry_run_goes(project: Project, request_: CleanRequest) -> None:
    stale = Path(tempfile.mkdtemp(prefix="narrowcast-clean-999999999-0a0a0a0a-"))
    (stale / "original.jsonl").write_text(ADDRESS)
    clean(project, request_.model_copy(update={"dry_run": True}))
    assert not stale.exists()
