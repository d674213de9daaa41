"""The judge: seven scores, the acceptance rule, paid once; its verdicts become a gate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.config import ProjectConfig
from narrowcast.core.task import TaskSpec
from narrowcast.factory.judge import DIMENSIONS, rule
from narrowcast.factory.options import JudgeOptions
from narrowcast.ops.data.gate import gate
from narrowcast.ops.data.judge import judge
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from narrowcast.testing.teacher_server import TeacherServer

TEXTS = [
    "the invoice of March shows two payments for one month",  # good
    "my parcel stands in Hamburg since nine days, why",  # format 4
    "an unknown firm took money from my card yesterday evening",  # correctness 3
    "please send the lamp to my neighbour instead of me",  # total 25
    "how do I print the label for the return of a jacket",  # the judge says reject
    "does the yearly plan cost less than twelve single months",  # unreadable
]


def _scores(**changes: int) -> dict[str, int]:
    return {**dict.fromkeys(DIMENSIONS, 4), "format": 5, **changes}


def _judge(server: TeacherServer, body: dict[str, Any], number: int) -> Any:
    prompt = body["messages"][0]["content"]
    which = next(place for place, text in enumerate(TEXTS) if text in prompt)
    scores = [
        _scores(),
        _scores(format=4),
        _scores(correctness=3),
        _scores(realism=3, difficulty=2, diversity=3),
        _scores(),
    ]
    if which == 5:
        return server.said(body, "a lovely row, ten out of ten")
    decision = "reject" if which == 4 else "accept"
    value = {"decision": decision, "scores": scores[which], "reason": "because", "fixed_row": None}
    return server.said(body, json.dumps(value))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TeacherServer]:
    judging = TeacherServer(script=_judge)
    monkeypatch.setenv("NARROWCAST_TEACHER_URL", judging.url)
    monkeypatch.setenv("NARROWCAST_TEACHER_MODEL", "strict")
    yield judging
    judging.close()


def test_the_rule_at_its_edges() -> None:
    options = JudgeOptions()
    assert rule(_scores(realism=3, difficulty=3, diversity=3), options) == []  # 26 of 35
    assert rule(_scores(realism=3, difficulty=3, diversity=3, learnability=3), options) == [
        "total 25 of 35, under 26"
    ]
    assert rule(dict.fromkeys(DIMENSIONS, 5), options) == []
    assert rule({**dict.fromkeys(DIMENSIONS, 5), "safety": 3}, options) == ["safety 3, under 4"]
    assert rule({**dict.fromkeys(DIMENSIONS, 5), "format": 4}, options) == ["format 4, under 5"]
    assert rule({**dict.fromkeys(DIMENSIONS, 5), "correctness": 3}, options) == ["correctness 3, under 4"]


def test_rows_are_judged_once_and_the_verdicts_are_a_gate(
    project: Project, server: TeacherServer, tmp_path: Path
) -> None:
    task = TaskSpec(profile="classification", labels=["billing", "shipping"])
    project.save_config(ProjectConfig(name="task", task=task))
    rows = tmp_path / "rows.jsonl"
    lines = [json.dumps({"text": text, "label": "billing"}) for text in TEXTS]
    rows.write_text("\n".join([*lines, json.dumps({"text": "x", "label": "billing"}), "no json"]) + "\n")
    gate(project, rows=rows, dry_run=True)

    preview = judge(project, dry_run=True)
    assert preview.rows == 6, "rows that fail a required gate are not paid for"
    assert not server.bodies
    assert all(f"- {name}:" in preview.prompt for name in DIMENSIONS)

    outcome = judge(project)
    assert (outcome.judged, outcome.accepted) == (6, 1)
    assert outcome.complete
    assert outcome.refused["format 4, under 5"] == 1
    assert outcome.refused["correctness 3, under 4"] == 1
    assert outcome.refused["the judge rejects it"] == 1
    assert outcome.spending.tokens == server.tokens
    stored = list(read_jsonl(project.paths.root / "data/generated" / outcome.generation / "judged.jsonl"))
    assert stored[0]["total"] == 29
    assert stored[5]["why"].startswith("the answer is not JSON")

    judge(project)
    assert len(server.bodies) == 6

    gated = gate(project)
    assert gated.ledger.rejected["gate_llm_judge"] == 5
    assert gated.ledger.rows_out == 1
    assert gated.ledger.balanced
