"""A project's file names code; it runs only where the command line says so as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrowcast.pipeline.project import Project
from tests.support.cli import Cli


@pytest.fixture
def mark(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the code leaves when it is imported, which the configuration names."""
    path = tmp_path / "ran"
    (tmp_path / "planted.py").write_text(f"open({str(path)!r}, 'w').close()\nCall = None\n")
    monkeypatch.syspath_prepend(tmp_path)
    with project.paths.config.open("a") as file:
        file.write("task: {profile: classification, labels: [a, b]}\n")
        file.write("gate: {optional: [pydantic_model], pydantic_model: 'planted:Call'}\n")
    rows = '{"text": "A question that is long enough to be one, number %d.", "output": "a"}\n'
    (tmp_path / "rows.jsonl").write_text("".join(rows % n for n in range(3)))
    return path


@pytest.mark.parametrize("more", [(), ("--imported", "imp-1")])
def test_code_that_only_the_configuration_names_is_not_run(
    cli: Cli, mark: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    done = cli("data", "gate", "--rows", tmp_path / "rows.jsonl", *more, "--dry-run", code=2)
    assert "names code to be run: pydantic_model: planted:Call" in done.stderr
    assert "--pydantic-model planted:Call" in done.stderr
    assert not mark.exists()


def test_code_that_the_command_line_names_is_run(cli: Cli, mark: Path, tmp_path: Path) -> None:
    options = ("--rows", tmp_path / "rows.jsonl", "--pydantic-model", "planted:Call", "--dry-run")
    assert "names no pydantic model" in cli("data", "gate", *options, code=None).stderr
    assert mark.exists()
