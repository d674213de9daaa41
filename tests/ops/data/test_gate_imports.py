"""The gates asked of rows that people wrote and that are imported already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from narrowcast.core.names import Split
from narrowcast.pipeline.project import Project
from narrowcast.testing.teacher_server import varied_text
from tests.support.imports import import_rows, imports

GOLD = "the golden row asks when the shop in Lugano opens on a Sunday morning"


def _write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"jsonl:{path}"


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
    fields = {"text": "text", "label": "label"}
    for name, rows, into in (
        ("rows", good + bad, None),
        ("gold", [{"text": GOLD, "label": "a"}], Split.GOLDEN),
    ):
        import_rows(
            project,
            _write(tmp_path / f"{name}.jsonl", rows),
            mapper="label_to_classification",
            field_map=fields,
            into=into,
        )
    name = imports(project)[0].id
    before = (project.paths.accepted / f"{name}.jsonl").read_bytes()
    found = cli_json("data", "gate", "--imported", name, "-p", project.slug)
    assert {each["row"]: each["gate"] for each in found["refused"]} == {
        f"{name}:12": "triviality",
        f"{name}:13": "eval_leakage",
        f"{name}:14": "leaked_instructions",
        f"{name}:15": "exact_duplicates",
    }
    assert (found["rows"], found["passed"]) == (16, 12)
    assert (project.paths.accepted / f"{name}.jsonl").read_bytes() == before
    assert project.trail.events()[-1].reason_code == "factory_gate_audit"
    unknown = cli_json("data", "gate", "--imported", "imp-none", "-p", project.slug, code=1)
    assert unknown["error"]["reason_code"] == "dataset_import_unknown"
