"""`narrowcast serve` as the teacher of `narrowcast data generate`: both ends of the protocol are ours."""

from __future__ import annotations

from typing import Any

import pytest

from narrowcast.errors import StageError
from narrowcast.pipeline.project import Project
from tests.support.factory import declare_labels, generate, set_teacher, write_plan, write_prompt_file


def test_our_own_server_can_be_asked(plain: Any, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    set_teacher(project, plain.url, plain.client().models.list().data[0].id, monkeypatch)
    declare_labels(project, ["a", "b"])
    write_prompt_file(project, "generate.md", "Write $count rows of $category.")
    write_plan(project, "{rows: 2, categories: [a, b], difficulties: [easy], edge_cases: [canonical]}")
    with pytest.raises(StageError, match="answered 0 of 10 questions rightly"):
        generate(project, max_tokens=16, temperature=0.0)
    with pytest.raises(StageError, match="response_format") as refused:
        generate(project, force=True, max_tokens=16, temperature=0.0)
    assert "--structured none" in refused.value.next_command

    record = generate(project, force=True, max_tokens=16, temperature=0.0, structured="none").record
    # A model of random weights writes no rows, and nothing pretends that it did.
    assert record.unreadable == record.rows == record.spending.calls == 6
    assert record.stopped == "samples"
    assert 0 < record.spending.tokens < 6 * 200
