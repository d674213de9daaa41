"""The figures of training that are kept for each kind of machine."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "train.py"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("train_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "KEPT", tmp_path / "train.json")
    return module


def test_only_figures_of_the_same_measurement_are_replaced(script: ModuleType) -> None:
    first: dict[str, Any] = {
        "case": "none", "base": "made", "method": "full", "precision": "bf16", "steps": 24, "machine": "A",
        "speed": 1,
    }  # fmt: skip
    assert script.keep(first) == []
    assert script.keep({**first, "machine": "B"}) == [first]
    script.keep({**first, "steps": 4})  # a rehearsal
    script.keep({**first, "precision": "fp32"})
    script.keep({**first, "speed": 2})
    kept = json.loads(script.KEPT.read_text())
    assert sorted((each["steps"], each["precision"], each["machine"], each["speed"]) for each in kept) == [
        (4, "bf16", "A", 1), (24, "bf16", "A", 2), (24, "bf16", "B", 1), (24, "fp32", "A", 1)
    ]  # fmt: skip
