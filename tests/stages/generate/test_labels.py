"""Answers by a teacher for texts that people wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.names import Split
from narrowcast.errors import UsageError
from narrowcast.ops.ledger import ledger
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from narrowcast.testing.teacher_server import TeacherServer, varied_text
from tests.support.factory import (
    Teachers,
    declare_labels,
    gate,
    generate,
    import_labelled,
    preview_generation,
    write_rows,
)

pytestmark = pytest.mark.nightly

TEXTS = [varied_text(number, "clear") for number in range(12)]
SECRET = "a text of the golden set that nobody outside may ever read"


def _answers(server: TeacherServer, body: dict[str, Any], number: int) -> Any:
    text = next(text for text in TEXTS if text in body["messages"][0]["content"])
    if TEXTS.index(text) == 11:
        return server.said(body, "I would say billing")
    label = "shipping" if TEXTS.index(text) % 2 else "billing"
    return server.said(body, json.dumps({"label": label, "text": "other words"}))


@pytest.fixture
def server(teachers: Teachers) -> TeacherServer:
    return teachers.start(model="labeller", script=_answers)


@pytest.fixture
def texts(project: Project, tmp_path: Path) -> str:
    """Twelve texts, a held-out one and a record without text; the project knows the held-out row."""
    declare_labels(project, ["billing", "shipping"])
    gold = write_rows(tmp_path / "gold.jsonl", [{"text": SECRET, "label": "billing"}])
    import_labelled(project, gold, Split.GOLDEN)
    rows = [{"text": text} for text in [*TEXTS, SECRET]] + [{"text": None}]
    return f"jsonl:{write_rows(tmp_path / 'new.jsonl', rows)}"


def test_texts_are_answered_once_and_every_one_is_accounted_for(
    project: Project, server: TeacherServer, texts: str
) -> None:
    preview = preview_generation(project, source="label", texts=texts)
    assert preview.estimate is not None
    assert (preview.estimate.calls, server.bodies) == (12, [])

    made = generate(project, source="label", texts=texts)
    assert (made.record.rows, made.record.unreadable) == (14, 3)
    assert len(server.bodies) == 12
    assert not [body for body in server.bodies if SECRET in json.dumps(body)]
    schema = server.bodies[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"] == {"label": {"enum": ["billing", "shipping"]}}
    again = generate(project, force=True, source="label", texts=texts)
    assert again.record.rows_sha256 == made.record.rows_sha256
    assert len(server.bodies) == 12

    gated = gate(project, generation=made.record.id)
    assert gated.into == "train"
    assert gated.record is not None
    assert (gated.ledger.rows_in, gated.ledger.balanced) == (14, True)
    assert gated.ledger.rejected["gate_json_validity"] == 3
    kept = list(read_jsonl(project.paths.accepted / f"{gated.record.id}.jsonl"))
    assert len(kept) == gated.ledger.rows_out > 0
    # The text stays the one that a person wrote.
    assert {row["inputs"]["text"] for row in kept} <= set(TEXTS)
    assert all(row["target"] == ["billing", "shipping"][row["index"] % 2] for row in kept)
    assert {row["provenance"] for row in kept} == {"synthetic"}
    assert ledger(project).balanced


def test_a_source_must_be_named(project: Project, server: TeacherServer, texts: str) -> None:
    assert texts
    with pytest.raises(UsageError, match="no source of texts"):
        generate(project, source="label")
    assert server.bodies == []
