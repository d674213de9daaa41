"""`narrowcast serve` as the teacher of `narrowcast data generate`: both ends of the protocol are ours."""

from __future__ import annotations

from typing import Any

import pytest

from narrowcast.core.config import ProjectConfig
from narrowcast.core.task import TaskSpec
from narrowcast.errors import StageError
from narrowcast.ops.data.generate import generate
from narrowcast.ops.data.generate_report import GenerateOutcome
from narrowcast.pipeline.project import Project


def test_our_own_server_can_be_asked(plain: Any, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NARROWCAST_TEACHER_URL", plain.url)
    monkeypatch.setenv("NARROWCAST_TEACHER_MODEL", plain.client().models.list().data[0].id)
    task = TaskSpec(profile="classification", labels=["a", "b"])
    project.save_config(ProjectConfig(name="task", task=task))
    folder = project.paths.specs / "generation_prompts"
    (folder / "generate.md").write_text("Write $count rows of $category.")
    (folder / "plan.yaml").write_text(
        "{rows: 2, categories: [a, b], difficulties: [easy], edge_cases: [canonical]}"
    )
    options = {"max_tokens": 16, "temperature": 0.0}
    with pytest.raises(StageError, match="response_format") as refused:
        generate(project, options)
    assert "--structured none" in refused.value.next_command

    outcome = generate(project, {**options, "structured": "none"})
    assert isinstance(outcome, GenerateOutcome)
    record = outcome.record
    # A model of random weights writes no rows, and nothing pretends that it did.
    assert record.unreadable == record.rows == record.spending.calls == 6
    assert record.stopped == "samples"
    assert 0 < record.spending.tokens < 6 * 200
