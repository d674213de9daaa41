"""Generated rows: lineage to the teacher's call, a gate's reject brought back, forgotten children."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from narrowcast.core.names import Provenance, Split
from narrowcast.ops.ledger import ledger
from narrowcast.ops.prepare import prepare
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.store.files import read_jsonl
from tests.history.test_history import rows
from tests.support.factory import (
    Teachers,
    declare_labels,
    gate,
    generate,
    import_labelled,
    write_plan,
    write_rows,
)
from tests.support.history import choice, decide, fill_queue, forget, lineage, review_state

pytestmark = pytest.mark.nightly

PLAN = """
rows: 12
categories: [{name: a, label: a}, {name: b, label: b}]
difficulties: [easy]
edge_cases: [canonical]
"""


@pytest.fixture
def teachers(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teachers]:
    made = Teachers(project, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def generated(project: Project, teachers: Teachers, tmp_path: Path) -> str:
    """Thirty rows by people, twelve by a teacher that was shown some; a gate holds half of these back."""
    teachers.start()
    declare_labels(project, ["a", "b"])
    import_labelled(project, write_rows(tmp_path / "seeds.jsonl", rows(0, 30)))
    prepare(project)
    write_plan(project, PLAN)
    generate(project)
    record = gate(project, optional=["human_review"], review_share=0.5).record
    assert record is not None
    assert record.rejected["gate_human_review"] > 0
    assert record.accepted > 0
    return record.id


def test_a_generated_row_leads_to_its_call(project: Project, generated: str) -> None:
    line = next(iter(read_jsonl(project.paths.accepted / f"{generated}.jsonl")))
    found = lineage(project, line["id"])
    assert found.provenance == "synthetic"
    assert found.parents
    assert found.generated_by is not None
    assert found.generated_by["writer"] == "counting"
    origin = found.generated_by["origin"]
    assert origin["parents"] == found.parents
    assert len(origin["prompt"]) == 64
    assert found.generated_by["call"]["key"] == origin["call"]
    seen = found.generated_by["call"]["request"]["messages"]
    parent = lineage(project, found.parents[0]).example
    assert parent is not None
    assert parent["inputs"]["text"] in seen[-1]["content"]
    assert lineage(project, found.parents[0]).generated_by is None


def test_what_a_gate_held_back_comes_back_as_a_train_row(project: Project, generated: str) -> None:
    fill_queue(project, "gates", count=1, reason="human_review")
    [item] = review_state(project, "ann").open
    assert item.why == "gates"
    assert item.record is not None
    text = item.record["row"]["text"]
    done = decide(project, [choice(item.id, "accept")], "ann")
    assert ledger(project).balanced
    prepare(project)
    rows_in_train = read_split(project.paths, load_manifest(project.paths), Split.TRAIN)
    [back] = [row for row in rows_in_train if row.source == done.rescued]
    assert (back.inputs, back.provenance) == ({"text": text}, Provenance.SYNTHETIC)
    assert back.parents[-1] == item.id
    assert ledger(project).balanced


def test_rows_made_after_a_forgotten_one_go_with_it(project: Project, generated: str) -> None:
    line = next(iter(read_jsonl(project.paths.accepted / f"{generated}.jsonl")))
    found = forget(project, ids=[line["parents"][0]])
    assert line["id"] in found.ids
    assert any(path.startswith("data/generated/") for path in found.remains)
