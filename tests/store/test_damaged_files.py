"""Files of a project that were changed by hand: the error names the file, and a stage record is no record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from narrowcast.errors import NarrowcastError
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl_as
from narrowcast.store.reviews import QueuedRow
from tests.support.cli import Cli, CliJson
from tests.support.datasets import sentences

COMMANDS = {
    "registry/reviews.jsonl": ("data", "review"),
    "registry/imports.jsonl": ("data", "imports"),
    "registry/datasets.jsonl": ("data", "versions"),
    "registry/runs.jsonl": ("runs", "list"),
}


@pytest.mark.parametrize("content", ["not JSON\n", '{"id": 3}\n', "[]\n"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_damaged_file_is_named(project: Project, cli: Cli, name: str, content: str) -> None:
    path = project.paths.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    error = json.loads(cli(*COMMANDS[name], "--json", code=1).stdout)["error"]
    assert error["reason_code"] == "system_io_error"
    assert "the file is damaged in line 1" in error["message"]
    assert str(path) in error["message"]
    assert "from a backup" in error["actionable_fix"]


def test_the_damaged_line_is_numbered(tmp_path: Path) -> None:
    path = tmp_path / "queue.jsonl"
    path.write_text('{"id": "imp-1:0", "why": "sample"}\n{"id": "imp-1:1"}\n')
    with pytest.raises(NarrowcastError, match="damaged in line 2: why: Field required"):
        read_jsonl_as(path, QueuedRow)
    assert read_jsonl_as(tmp_path / "none.jsonl", QueuedRow) == []


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_damaged_marker_of_a_running_stage_stops_no_command(
    project: Project, cli_json: CliJson, tmp_path: Path, content: str
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "text,label\n" + "".join(f"{each.inputs['text']},{each.target}\n" for each in sentences(60))
    )
    project.paths.running.mkdir(parents=True, exist_ok=True)
    (project.paths.running / "import.json").write_text(content)
    cli_json("data", "import", "--locator", f"csv:{rows}", "--auto")
    cli_json("prepare")
    (project.paths.stage_records / "prepare.json").write_text(content)
    assert cli_json("prepare", "--dry-run")["reason"] == "never run"
