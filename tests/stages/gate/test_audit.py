"""The gates asked of rows that people wrote and that are imported already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.names import Split
from narrowcast.ops.imports import imports
from narrowcast.pipeline.project import Project
from narrowcast.testing.teacher_server import varied_text
from tests.support.factory import import_labelled, write_rows

pytestmark = pytest.mark.nightly

GOLD = "the golden row asks when the shop in Lugano opens on a Sunday morning"


def test_the_gates_name_rows_of_an_import_and_change_nothing(
    project: Project, tmp_path: Path, cli_json: Any
) -> None:
    good = [{"text": varied_text(number, "right"), "label": "ab"[number % 2]} for number in range(12)]
    bad = [
        {"text": "hi", "label": "a"},  # 12
        {"text": GOLD.upper(), "label": "a"},  # 13
        {"text": "This example tests whether the model knows the letter a", "label": "a"},  # 14
        {"text": good[0]["text"], "label": "a"},  # 15
    ]
    import_labelled(project, write_rows(tmp_path / "rows.jsonl", good + bad))
    gold = write_rows(tmp_path / "gold.jsonl", [{"text": GOLD, "label": "a"}])
    import_labelled(project, gold, Split.GOLDEN)
    name = imports(project)[0].id
    before = (project.paths.accepted / f"{name}.jsonl").read_bytes()
    found = cli_json("data", "gate", "--imported", name, "-p", project.slug)
    assert {each["row"]: each["gate"] for each in found["rejections"]} == {
        f"{name}:12": "triviality",
        f"{name}:13": "eval_leakage",
        f"{name}:14": "leaked_instructions",
        f"{name}:15": "exact_duplicates",
    }
    assert (found["rows"], found["passed"]) == (16, 12)
    assert (project.paths.accepted / f"{name}.jsonl").read_bytes() == before
    event = project.trail.events()[-1]
    assert (event.reason_code, event.parent) == ("factory_gate_audit", name)
    unknown = cli_json("data", "gate", "--imported", "imp-none", "-p", project.slug, code=1)
    assert unknown["error"]["reason_code"] == "dataset_import_unknown"
