"""The factory in tests: a declared task, a plan, a real teacher over HTTP, and each operation in one line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from narrowcast.core.config import ProjectConfig
from narrowcast.core.names import Split
from narrowcast.core.task import TaskSpec
from narrowcast.factory.requests import BalanceRequest, GateRequest, GenerateRequest, JudgeRequest
from narrowcast.ops import generations as ops
from narrowcast.pipeline.project import Project
from narrowcast.stages.balance import BalanceResult
from narrowcast.stages.gate.result import GateResult
from narrowcast.stages.generate.result import GeneratePreview, GenerateResult
from narrowcast.stages.judge.result import JudgeResult
from narrowcast.testing.teacher_server import TeacherServer
from tests.support.imports import import_rows

PLAN = """
rows: 24
categories: [{name: billing, label: billing}, {name: shipping, label: shipping}]
difficulties: [easy, hard]
edge_cases: [canonical, boundary, production-like]
"""

ONE_CELL = (
    "{rows: 8, categories: [{name: billing, label: billing}], difficulties: [easy], edge_cases: [canonical]}"
)

ONE_ROW = "{rows: 1, categories: [billing], difficulties: [easy], edge_cases: [canonical]}"


def set_teacher(
    project: Project, url: str, model: str, monkeypatch: pytest.MonkeyPatch, *, key: str = ""
) -> None:
    """Name a teacher for the project in this process, and for processes that it starts."""
    teacher = {
        "teacher_url": url,
        "teacher_model": model,
        "teacher_key": SecretStr(key) if key else None,
    }
    project.settings = project.settings.model_copy(update=teacher)
    for name, value in (("URL", url), ("MODEL", model), ("KEY", key)):
        if value:
            monkeypatch.setenv(f"NARROWCAST_TEACHER_{name}", value)


class Teachers:
    """Starts teachers for a project; the last one started is the one that is asked."""

    def __init__(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        self._project, self._monkeypatch = project, monkeypatch
        self._servers: list[TeacherServer] = []

    def start(self, *, model: str = "counting", **options: Any) -> TeacherServer:
        """A server with the options of `TeacherServer`."""
        server = TeacherServer(**options)
        self._servers.append(server)
        set_teacher(self._project, server.url, model, self._monkeypatch)
        return server

    def close(self) -> None:
        """Stop all of them."""
        for server in self._servers:
            server.close()


def declare_labels(project: Project, labels: list[str]) -> None:
    """Make the project's task a classification."""
    task = TaskSpec(profile="classification", labels=labels)
    project.save_config(ProjectConfig(name="task", task=task))


def write_prompt_file(project: Project, name: str, text: str) -> None:
    """A file of `specs/generation_prompts`."""
    folder = project.paths.specs / "generation_prompts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def write_plan(project: Project, text: str) -> None:
    """The plan of the generation."""
    write_prompt_file(project, "plan.yaml", text)


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """A JSONL file of rows."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def import_labelled(project: Project, path: Path, into: Split | None = None) -> None:
    """Import a file with the columns text and label."""
    import_rows(
        project,
        f"{path.suffix.removeprefix('.')}:{path}",
        mapper="label_to_classification",
        field_map={"text": "text", "label": "label"},
        into=into,
    )


def generate(project: Project, *, force: bool = False, **options: Any) -> GenerateResult:
    """Generate rows."""
    result = ops.generate(project, GenerateRequest(options=options, force=force))
    assert isinstance(result, GenerateResult)
    return result


def preview_generation(project: Project, **options: Any) -> GeneratePreview:
    """The dry run of a generation."""
    result = ops.generate(project, GenerateRequest(options=options, dry_run=True))
    assert isinstance(result, GeneratePreview)
    return result


def gate(project: Project, *, dry_run: bool = False, **options: Any) -> GateResult:
    """Apply the gates to a generation, or to `rows` of a file."""
    result = ops.gate(project, GateRequest(options=options, dry_run=dry_run))
    assert isinstance(result, GateResult)
    return result


def gate_again(project: Project, **options: Any) -> GateResult:
    """Apply the gates although nothing changed."""
    result = ops.gate(project, GateRequest(options=options, force=True))
    assert isinstance(result, GateResult)
    return result


def judge(project: Project, *, dry_run: bool = False, force: bool = False, **options: Any) -> JudgeResult:
    """Judge a generation, or `rows` of a file."""
    return ops.judge(project, JudgeRequest(options=options, dry_run=dry_run, force=force))


def balance(project: Project, *, dry_run: bool = False, **options: Any) -> BalanceResult:
    """Balance the train rows."""
    return ops.balance(project, BalanceRequest(options=options, dry_run=dry_run))
