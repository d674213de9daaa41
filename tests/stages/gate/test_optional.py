"""Optional gates and their settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.config import ProjectConfig
from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.pipeline.project import Project
from narrowcast.stages.gate.result import GateResult
from tests.stages.gate.rows import row, sentence
from tests.support.factory import gate, write_rows

pytestmark = pytest.mark.nightly


def _rejected(outcome: GateResult, gate_name: str) -> int:
    return next(each.rejected for each in outcome.verdicts if each.gate == gate_name)


def test_optional_gates_on_labels(labelled: Project, tmp_path: Path) -> None:
    rows = [row(number) for number in range(40)]
    rows += [
        row(100 + n, _origin={"category": "c", "difficulty": "d", "edge_case": "negative"}) for n in range(5)
    ]
    path = write_rows(tmp_path / "some.jsonl", rows)
    options: dict[str, Any] = {
        "optional": ["regex", "expert_flag", "human_review", "embedding_clusters"],
        "pattern": "bill.*",
        "expert_pattern": "umbrella",
        "cluster_share": 0.2,
    }
    outcome = gate(labelled, rows=path, **options, dry_run=True)
    assert _rejected(outcome, "regex") == sum(each["label"] != "billing" for each in rows)
    flagged = sum("umbrella" in each["text"] and each["label"] == "billing" for each in rows)
    assert _rejected(outcome, "expert_flag") == flagged > 0
    assert _rejected(outcome, "human_review") >= 2
    assert not next(each for each in outcome.verdicts if each.gate == "regex").required
    assert outcome.ledger.balanced
    with pytest.raises(UsageError, match="needs a pattern"):
        gate(labelled, rows=path, optional=["regex"], dry_run=True)
    with pytest.raises(UsageError, match="no gate"):
        gate(labelled, rows=path, optional=["magic"], dry_run=True)
    with pytest.raises(UsageError, match="judged"):
        gate(labelled, rows=path, optional=["llm_judge"], dry_run=True)


MODULE = """
from pydantic import BaseModel

class Call(BaseModel):
    tool: str
    arguments: dict[str, str]

def test(name, arguments):
    assert arguments["date"] != "yesterday", "reminders lie ahead"
"""


def test_answers_as_objects_and_tool_calls(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_contract.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    schema = {
        "type": "object",
        "properties": {"tool": {"type": "string"}, "arguments": {"type": "object"}},
        "required": ["tool", "arguments"],
    }
    task = TaskSpec(profile="structured_extraction", output_schema=schema, scoring_mode="field_match")
    project.save_config(ProjectConfig(name="task", task=task))
    tools = [
        {
            "type": "function",
            "function": {
                "name": "remind",
                "parameters": {
                    "type": "object",
                    "properties": {"date": {"type": "string"}},
                    "required": ["date"],
                },
            },
        }
    ]
    project.paths.specs.mkdir(exist_ok=True)
    (project.paths.specs / "tools.json").write_text(json.dumps(tools))
    calls: list[dict[str, Any]] = [
        {"tool": "remind", "arguments": {"date": "tomorrow"}},
        {"tool": "remind", "arguments": {"date": "yesterday"}},  # fails the user's test
        {"tool": "remind", "arguments": {"when": "tomorrow"}},  # lacks an argument
        {"tool": "forget", "arguments": {"date": "tomorrow"}},  # no such tool
        {"tool": "remind", "arguments": {"date": 5}},  # the model wants texts
    ]
    path = write_rows(
        tmp_path / "some.jsonl", [{"text": sentence(n), "output": call} for n, call in enumerate(calls)]
    )
    options: dict[str, Any] = {
        "optional": ["pydantic_model", "tool_calls"],
        "pydantic_model": "my_contract:Call",
        "tool_tests": "my_contract:test",
    }
    outcome = gate(project, rows=path, **options, dry_run=True)
    assert _rejected(outcome, "pydantic_model") == 1
    verdict = next(each for each in outcome.verdicts if each.gate == "tool_calls")
    assert verdict.rejected == 3
    assert any("lie ahead" in why for why in verdict.examples)
    assert outcome.ledger.rows_out == 1


def test_an_answer_that_names_no_tool_is_rejected(project: Project, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"calls": {"type": "array"}}}
    task = TaskSpec(profile="structured_extraction", output_schema=schema, scoring_mode="field_match")
    project.save_config(ProjectConfig(name="task", task=task))
    project.paths.specs.mkdir(exist_ok=True)
    (project.paths.specs / "tools.json").write_text(json.dumps([{"name": "remind"}]))
    answers: list[dict[str, Any]] = [
        {"calls": [{"tool": "remind", "arguments": {}}]},
        {"calls": [{"arguments": {}}]},
        {"calls": [{"tool": ["remind"], "arguments": {}}]},
    ]
    path = write_rows(
        tmp_path / "some.jsonl", [{"text": sentence(n), "output": each} for n, each in enumerate(answers)]
    )
    outcome = gate(project, rows=path, optional=["tool_calls"], dry_run=True)
    assert _rejected(outcome, "tool_calls") == 2
    assert outcome.ledger.rows_out == 1
