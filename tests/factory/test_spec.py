"""`narrowcast init` writes the specification; what nobody said is marked."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.settings import Settings
from narrowcast.errors import UsageError
from narrowcast.factory.spec import ASSUMPTIONS, SpecAnswers
from narrowcast.pipeline.project import Project

pytestmark = pytest.mark.nightly

FILES = [
    "task.md",
    "specs/data_spec.md",
    "specs/quality_gates.md",
    "specs/eval_plan.md",
    "specs/generation_prompts/generate.md",
    "specs/generation_prompts/judge.md",
    "specs/generation_prompts/label.md",
]


def test_what_nobody_said_is_marked_and_listed(cli_json: Callable[..., Any]) -> None:
    made = cli_json("init", "support", "--goal", "Sort mail", "--labels", "billing, shipping")
    root = Path(made["path"])
    for name in [*FILES, "specs/output_schema.json", "specs/generation_prompts/plan.yaml"]:
        assert (root / name).read_text().strip(), name
    page = (root / "task.md").read_text()
    assert "Sort mail" in page
    assert "Sort mail (assumed)" not in page
    for name in made["assumed"]:
        if name != "task":
            assert f"{ASSUMPTIONS[name]} (assumed)" in page
    assert "classification (assumed)" in page
    assert set(made["assumed"]) == set(ASSUMPTIONS) - {"goal", "labels"}
    assert json.loads((root / "specs/output_schema.json").read_text())["enum"] == ["billing", "shipping"]


def test_everything_said_leaves_no_mark_in_the_task(settings: Settings) -> None:
    said = {name: f"said {name}" for name in ASSUMPTIONS if name not in ("task", "labels")}
    spec = SpecAnswers(task="classification", labels=["a", "b"], **said)  # type: ignore[arg-type]
    project = Project.create(settings, "told", spec=spec)
    assert "(assumed)" not in (project.paths.root / "task.md").read_text()
    assert spec.assumed() == []
    assert project.config.task is not None
    assert project.config.task.labels == ["a", "b"]
    project.close()


def test_a_schema_makes_it_an_extraction(cli_json: Callable[..., Any], tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "object", "properties": {"total": {"type": "number"}}}))
    made = cli_json("init", "invoices", "--schema", schema)
    text = (Path(made["path"]) / "narrowcast.yaml").read_text()
    assert "structured_extraction" in text
    assert "field_match" in text


def test_contradictions_are_refused_and_leave_nothing(settings: Settings) -> None:
    with pytest.raises(UsageError, match="no labels"):
        Project.create(settings, "wrong", spec=SpecAnswers(task="qa", labels=["a"]))
    assert not (settings.home / "projects" / "wrong").exists()


def test_on_a_terminal_it_asks_and_enter_leaves_the_assumption(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "narrowcast.cli.main", "init", "asked", "--path", str(tmp_path / "asked")],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        close_fds=True,
    )
    os.close(follower)
    answers = [b"Sort mail\n", b"classification\n", b"yes,no\n", b"\n", b"\n", b"\n"]
    asked, shown = len(answers), b""
    while True:
        ready, _, _ = select.select([leader], [], [], 60)
        if not ready:
            process.kill()
            process.wait()
            pytest.fail(f"it waits: {shown!r}")
        try:
            part = os.read(leader, 4096)
        except OSError:  # the terminal is gone with its process
            break
        shown += part
        while answers and shown.count(b"]: ") > asked - len(answers):
            os.write(leader, answers.pop(0))
    os.close(leader)
    assert process.wait() == 0
    page = (tmp_path / "asked" / "task.md").read_text()
    assert "Sort mail" in page
    assert "yes, no" in page
    assert f"{ASSUMPTIONS['inputs']} (assumed)" in page
