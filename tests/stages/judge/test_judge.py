"""The judge: seven scores, the acceptance rule, paid once; its verdicts become a gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.factory.options import JudgeOptions
from narrowcast.factory.rubric import DIMENSIONS, shortfalls
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from narrowcast.testing.teacher_server import TeacherServer
from tests.support.factory import Teachers, declare_labels, gate, judge

TEXTS = [
    "the invoice of March shows two payments for one month",  # good
    "my parcel is in Hamburg since nine days, why",  # format 4
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
def server(teachers: Teachers) -> TeacherServer:
    return teachers.start(model="strict", script=_judge)


@pytest.fixture
def rows(project: Project, tmp_path: Path) -> Path:
    """Six rows that pass the required gates, one that is trivial and one that is not JSON."""
    declare_labels(project, ["billing", "shipping"])
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"text": text, "label": "billing"}) for text in TEXTS]
    path.write_text("\n".join([*lines, json.dumps({"text": "x", "label": "billing"}), "no json"]) + "\n")
    return path


def test_the_rule_at_its_edges() -> None:
    options = JudgeOptions()
    assert shortfalls(_scores(realism=3, difficulty=3, diversity=3), options) == []  # 26 of 35
    assert shortfalls(_scores(realism=3, difficulty=3, diversity=3, learnability=3), options) == [
        "total 25 of 35, under 26"
    ]
    assert shortfalls(dict.fromkeys(DIMENSIONS, 5), options) == []
    assert shortfalls({**dict.fromkeys(DIMENSIONS, 5), "safety": 3}, options) == ["safety 3, under 4"]
    assert shortfalls({**dict.fromkeys(DIMENSIONS, 5), "format": 4}, options) == ["format 4, under 5"]
    assert shortfalls({**dict.fromkeys(DIMENSIONS, 5), "correctness": 3}, options) == [
        "correctness 3, under 4"
    ]


def test_rows_are_judged_once_and_the_verdicts_are_a_gate(
    project: Project, server: TeacherServer, rows: Path
) -> None:
    preview = judge(project, rows=rows, dry_run=True)
    assert preview.rows == 6, "rows that fail a required gate are not paid for"
    assert not server.bodies
    assert all(f"- {name}:" in preview.prompt for name in DIMENSIONS)

    outcome = judge(project, rows=rows)
    assert (outcome.judged, outcome.accepted) == (6, 1)
    assert outcome.complete
    assert outcome.rejected["format 4, under 5"] == 1
    assert outcome.rejected["correctness 3, under 4"] == 1
    assert outcome.rejected["the judge rejects it"] == 1
    assert outcome.spending.tokens == server.tokens
    stored = list(read_jsonl(project.paths.root / "data/generated" / outcome.generation / "judged.jsonl"))
    assert stored[0]["total"] == 29
    assert stored[5]["why"].startswith("the answer is not JSON")

    assert judge(project) == outcome, "nothing changed"
    judge(project, force=True)
    assert len(server.bodies) == 6

    gated = gate(project)
    assert gated.ledger.rejected["gate_llm_judge"] == 5
    assert gated.ledger.rows_out == 1
    assert gated.ledger.balanced

    assert judge(project) == outcome, "the import of its own rows changes nothing"
    assert judge(project, force=True).rows == 6, "rows are no duplicates of themselves"
    assert len(server.bodies) == 6
