"""Balancing train: capped by label, held-out rows untouched, what is left out kept, and undone again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowcast.errors import UsageError
from narrowcast.ops.generations import undo_balance
from narrowcast.ops.ledger import ledger
from narrowcast.ops.prepare import prepare
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import load_manifest
from narrowcast.store.files import read_jsonl
from tests.support.factory import balance, import_labelled


def _labels(project: Project, split: str) -> Counter[str]:
    manifest = load_manifest(project.paths)
    files = {name.value: file.path for name, file in manifest.splits.items()}
    return Counter(row["target"] for row in read_jsonl(project.paths.root / files[split]))


@pytest.fixture
def crowded(project: Project, tmp_path: Path) -> Project:
    """120 rows of one label, 30 of another."""
    path = tmp_path / "rows.jsonl"
    with path.open("w") as file:
        for number in range(150):
            label = "common" if number < 120 else "rare"
            text = f"{number * 7919} {label} question {chr(97 + number % 26) * 9} {number * 104_729}"
            file.write(json.dumps({"text": text, "label": label}) + "\n")
    import_labelled(project, path)
    prepare(project)
    return project


def test_a_cap_leaves_rows_out_of_train_alone(crowded: Project) -> None:
    before = {split: _labels(crowded, split) for split in ("train", "dev", "test")}
    assert before["train"]["common"] > 60 > before["train"]["rare"]
    dry = balance(crowded, cap=40, dry_run=True)
    assert dry.left_out == before["train"]["common"] - 40
    prepare(crowded)
    assert _labels(crowded, "train") == before["train"]

    done = balance(crowded, cap=40)
    prepare(crowded)
    assert _labels(crowded, "train") == {"common": 40, "rare": before["train"]["rare"]}
    assert _labels(crowded, "dev") == before["dev"]
    assert _labels(crowded, "test") == before["test"]
    kept = Counter(row["reason"] for row in read_jsonl(crowded.paths.rejected / "prepare.jsonl"))
    assert kept["balanced_out"] == done.left_out
    found = ledger(crowded)
    assert found.balanced
    assert found.stages[-1].rejected["balanced_out"] == done.left_out

    again = balance(crowded, cap=40)
    assert again.left_out == done.left_out
    prepare(crowded)
    assert _labels(crowded, "train")["common"] == 40
    undo_balance(crowded)
    prepare(crowded)
    assert _labels(crowded, "train") == before["train"]


def test_another_seed_keeps_other_rows_and_a_target_says_what_is_missing(crowded: Project) -> None:
    chosen = []
    for seed in (0, 0, 1):
        balance(crowded, cap=30, seed=seed)
        chosen.append((crowded.paths.registry / "balance.json").read_text())
    assert json.loads(chosen[0])["rows"] == json.loads(chosen[1])["rows"] != json.loads(chosen[2])["rows"]
    table = {each.label: each for each in balance(crowded, target=50, dry_run=True).labels}
    assert table["common"].left_out > 0 == table["common"].missing
    assert table["rare"].missing == 50 - table["rare"].rows


def test_cap_or_target_is_needed(project: Project, cli: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="either cap or target"):
        balance(project)
    done = cli("data", "balance", "--cap", "3", "--project", project.slug, code=1)
    assert "narrowcast data import" in done.stderr
