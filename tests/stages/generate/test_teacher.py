"""Rows of a plan from a teacher, over real HTTP: cell by cell, paid once, behind the gates."""

from __future__ import annotations

import json
import statistics
from typing import Any

import pytest

from narrowcast.core.work import Work
from narrowcast.factory.requests import GenerateRequest
from narrowcast.ops.generations import generate as generate_rows
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from narrowcast.teacher.store import answer_seconds
from narrowcast.testing.teacher_server import TeacherServer
from tests.support.factory import (
    ONE_CELL,
    ONE_ROW,
    PLAN,
    Teachers,
    declare_labels,
    gate,
    generate,
    preview_generation,
    write_plan,
)
from tests.support.progress import Notes

pytestmark = pytest.mark.nightly


def test_a_plan_is_filled_cell_by_cell_and_a_second_run_pays_nothing(
    project: Project, teachers: Teachers
) -> None:
    server = teachers.start(delay=0.02)
    declare_labels(project, ["billing", "shipping"])
    write_plan(project, PLAN)
    record = generate(project, batch=2, price_prompt=1.0, price_completion=2.0).record

    assert [(cell.quota, cell.rows) for cell in record.cells] == [(2, 2)] * 12
    assert record.complete
    assert record.stopped == ""
    assert record.spending.tokens == server.tokens
    assert record.spending.cost is not None
    assert 1 < server.most_under_way <= 4
    rows = list(read_jsonl(project.paths.root / "data/generated" / record.id / "rows.jsonl"))
    assert len(rows) == 24
    assert {row["origin"]["category"] for row in rows} == {"billing", "shipping"}
    assert all(row["origin"]["call"] and row["origin"]["prompt"] and row["origin"]["cost"] for row in rows)

    assert generate(project, batch=2, price_prompt=1.0, price_completion=2.0).record == record
    again = generate(project, force=True, batch=2, price_prompt=1.0, price_completion=2.0).record
    assert len(server.bodies) == 12
    assert again.id == record.id
    assert again.rows_sha256 == record.rows_sha256
    assert again.spending.stored_calls == 12
    assert again.spending.cost == record.spending.cost


def test_extra_rows_leave_the_gates_some_to_reject(project: Project, teachers: Teachers) -> None:
    teachers.start()
    declare_labels(project, ["billing"])
    write_plan(project, ONE_CELL)
    record = generate(project, extra=0.5).record
    assert [(cell.quota, cell.rows) for cell in record.cells] == [(8, 12)]
    outcome = gate(project)
    assert outcome.ledger.rows_out <= 8
    assert (
        outcome.ledger.rejected["gate_diversity"]
        == 12
        - sum(each.rejected for each in outcome.verdicts if each.gate != "diversity")
        - outcome.ledger.rows_out
    )


def test_fill_asks_until_the_quota_is_full_behind_the_gates(project: Project, teachers: Teachers) -> None:
    def half_of_them_trivial(server: TeacherServer, body: dict[str, Any], number: int) -> Any:
        value = server.rows(body)[2]
        rows = json.loads(value["choices"][0]["message"]["content"])["rows"]
        for row in rows[number % 2 :: 2]:
            row["text"] = "bill"
        return server.said(body, json.dumps({"rows": rows}))

    server = teachers.start(script=half_of_them_trivial)
    declare_labels(project, ["billing"])
    write_plan(project, ONE_CELL)
    record = generate(project, fill=True).record
    assert record.stopped == ""
    assert record.rows > 8
    asked = len(server.bodies)
    assert generate(project, force=True, fill=True).record.rows_sha256 == record.rows_sha256
    assert len(server.bodies) == asked, "a second run pays nothing"
    assert gate(project, generation=record.id).ledger.rows_out == 8


def test_fill_gives_up_where_nothing_passes(project: Project, teachers: Teachers) -> None:
    server = teachers.start(
        script=lambda server, body, _: server.said(body, '{"rows": [{"text": "b", "label": "billing"}]}')
    )
    declare_labels(project, ["billing"])
    write_plan(project, ONE_CELL)
    record = generate(project, fill=True, cap_tokens=100_000).record
    assert record.stopped in ("gates", "samples")
    assert len(server.bodies) < 20


def test_the_request_asks_for_structured_output(project: Project, teachers: Teachers) -> None:
    server = teachers.start()
    declare_labels(project, ["billing"])
    write_plan(project, ONE_ROW)
    generate(project)
    form = server.bodies[0]["response_format"]
    assert form["type"] == "json_schema"
    row = form["json_schema"]["schema"]["properties"]["rows"]["items"]
    assert row["properties"]["label"] == {"enum": ["billing"]}
    generate(project, structured="none", seed=1)
    assert "response_format" not in server.bodies[1]


def test_answers_that_cannot_be_read_become_rejected_rows(project: Project, teachers: Teachers) -> None:
    def careless(server: TeacherServer, body: dict[str, Any], number: int) -> Any:
        if number == 0:
            return server.said(body, '{"rows": [{"text": "cut off he', finish="length")
        if number == 1:
            return server.said(body, "Sure! Here are your rows:")
        return None

    teachers.start(script=careless)
    declare_labels(project, ["billing"])
    write_plan(
        project,
        "{rows: 4, categories: [{name: billing, label: billing}], difficulties: [easy], "
        "edge_cases: [canonical]}",
    )
    record = generate(project, batch=2, concurrency=1).record
    assert record.complete
    assert record.unreadable == 2
    outcome = gate(project)
    assert outcome.ledger.rejected["gate_json_validity"] == 2
    assert outcome.ledger.balanced


def test_calls_tokens_money_and_time_are_said_before_they_are_spent(
    project: Project, teachers: Teachers
) -> None:
    teachers.start()
    declare_labels(project, ["billing", "shipping"])
    write_plan(project, PLAN)
    prices = {"price_prompt": 1.0, "price_completion": 2.0}
    first = preview_generation(project, **prices).estimate
    assert first is not None
    assert first.expected_seconds is None
    shown = Notes()
    request = GenerateRequest(options=prices)
    generate_rows(project, request, Work(shown))
    assert shown.notes == [
        "the teacher counting answers 10 questions first, once",
        f"data generate: {first.sentence}",
    ]
    assert "12 calls, about " in first.sentence
    assert "in your currency" in first.sentence
    assert "time not known before the first answers" in first.sentence
    known = preview_generation(project, seed=1, concurrency=3, **prices).estimate
    taken = answer_seconds(project.paths.root / "data/generated/calls.jsonl", "counting")
    assert known is not None
    assert known.expected_seconds == pytest.approx(4 * statistics.median(taken))
    assert "3 calls at a time" in known.sentence


def test_a_dry_run_sends_and_writes_nothing(project: Project, teachers: Teachers) -> None:
    server = teachers.start()
    declare_labels(project, ["billing", "shipping"])
    write_plan(project, PLAN)
    preview = preview_generation(project, price_prompt=1.0, price_completion=2.0)
    assert "Write 2 rows" in preview.prompt
    assert preview.estimate is not None
    assert preview.estimate.calls == 12
    assert preview.estimate.bound_cost is not None
    assert not server.bodies
    assert not (project.paths.root / "data/generated").exists()
    assert [event.reason_code for event in project.trail.events()] == ["project_created"]
