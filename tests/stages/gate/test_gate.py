"""What passes the gates becomes an import; a dry run writes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from narrowcast.errors import DataError
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.stages.gate.rows import row
from tests.support.factory import gate, write_rows


def test_a_dry_run_imports_nothing(labelled: Project, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "some.jsonl", [row(number) for number in range(12)])
    dry = gate(labelled, rows=path, dry_run=True)
    assert dry.record is None
    assert dry.ledger.rows_out == 12
    assert not (labelled.paths.root / "data/generated").exists()
    assert gate(labelled, rows=path).record is not None


def test_handwritten_adversarial_rows_count_as_held_out(labelled: Project, tmp_path: Path) -> None:
    (labelled.paths.evaluation).mkdir(parents=True, exist_ok=True)
    (labelled.paths.evaluation / "adversarial.jsonl").write_text(json.dumps(row(1)) + "\n")
    path = write_rows(tmp_path / "some.jsonl", [row(number) for number in range(4)])
    outcome = gate(labelled, rows=path, dry_run=True)
    assert outcome.ledger.rejected == {"gate_eval_leakage": 1}


def test_where_nothing_passes_nothing_is_imported(labelled: Project, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "some.jsonl", [{"text": "x"}] * 3)
    with pytest.raises(DataError, match="none of 3 rows"):
        gate(labelled, rows=path)
    assert len(list(read_jsonl(labelled.paths.imports))) == 1


def test_quotas_keep_a_cell_from_crowding_out_others(labelled: Project) -> None:
    folder = labelled.paths.specs / "generation_prompts"
    folder.mkdir(parents=True, exist_ok=True)
    generated = labelled.paths.root / "data/generated/gen-quota"
    generated.mkdir(parents=True)
    origin = {"category": "billing", "difficulty": "easy", "edge_case": "canonical", "writer": "m"}
    with (generated / "rows.jsonl").open("w") as file:
        for number in range(9):
            line = {"index": number, "data": row(2 * number), "origin": origin}
            file.write(json.dumps(line) + "\n")
    cells = [{"name": "billing / easy / canonical", "quota": 4, "rows": 9}]
    record = {"id": "gen-quota", "source": "teacher", "writer": "m", "cells": cells, "rows": 9}
    (generated / "generation.json").write_text(json.dumps(record))
    outcome = gate(labelled, generation="gen-quota")
    assert outcome.ledger.rejected == {"gate_diversity": 5}
    assert any("no semantic duplicates" in note for note in outcome.notes), "what was not done is said"
    assert [(cell.quota, cell.generated, cell.accepted) for cell in outcome.cells] == [(4, 9, 4)]
