"""All problems of a run are found together, before weights are loaded."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest

from narrowcast.core.example import Example
from narrowcast.core.names import Split
from narrowcast.errors import ModelError, StageError
from narrowcast.training.preflight import room
from narrowcast.training.preflight.examine import admit, examine
from tests.support.datasets import sentences
from tests.support.workshop import Workshop

pytestmark = pytest.mark.nightly


def _found(workshop: Workshop, *, force: bool = False, **options: object) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in examine(workshop.options(**options), workshop.context(force=force)).findings:
        assert each.fix
        found.setdefault(each.reason_code, []).append(each.what)
    return found


def test_all_problems_are_named_together(workshop_with):
    rows = sentences(40)
    strange = Example({"text": "a word"}, "nobody trained this", "made", 777)
    long = [Example({"text": "card " * 300}, "card", "made", 900 + number) for number in range(3)]
    workshop = workshop_with({Split.TRAIN: [*rows[:30], *long], Split.DEV: [*rows[30:], strange]})
    found = _found(workshop, max_length=200, method="qlora")
    assert found["training_baseline_missing"] == [
        "no baseline was measured, so the trained model could not be compared with anything"
    ]
    assert "nobody trained this" in found["training_label_absent"][0]
    assert "no test rows" in found["training_eval_missing"][0]
    assert found["training_rows_truncated"][0].startswith("3 of 33 train rows are longer than 200 tokens")
    assert "needs a GPU" in found["training_device_missing"][0]
    assert "training_licence_unclear" in found
    with pytest.raises(StageError) as caught:
        workshop.train(force=False, max_length=200, method="qlora")
    assert caught.value.reason_code == "training_dispatch_error"
    for code in ("training_baseline_missing", "training_label_absent", "training_device_missing"):
        assert f"[{code}]" in str(caught.value)


def test_one_row_stops_a_strict_run_and_is_said_in_an_open_one(workshop_with):
    workshop = workshop_with({Split.TRAIN: sentences(1)})
    with pytest.raises(StageError) as caught:
        workshop.train(epochs=1)
    assert caught.value.reason_code == "training_rows_too_few"
    options = workshop.options(preflight="fail-open")
    setup = admit(examine(options, workshop.context()), options, workshop.context())
    assert len(setup.train.rows) == 1
    code, _, payload = workshop.emitted[-1]
    assert code == "training_preflight_ignored"
    assert payload["findings"][0]["reason_code"] == "training_rows_too_few"


def test_no_mode_begins_where_every_row_is_too_long(workshop):
    found = examine(workshop.options(max_length=8), workshop.context())
    assert found.setup is None
    assert "64 over_length" in found.blockers[0].what
    with pytest.raises(StageError, match="64 over_length"):
        workshop.train(max_length=8, preflight="fail-open")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "made_up"}, "unknown architecture"),
        ("{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}", "no generation prompt"),
    ],
)
def test_an_unusable_base_is_one_finding_among_others(workshop, tmp_path, change, message):
    folder = tmp_path / "changed"
    shutil.copytree(workshop.base, folder)
    if isinstance(change, dict):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **change}))
    else:
        (folder / "chat_template.jinja").write_text(change)
    found = _found(workshop, base=str(folder))
    assert any(message in what for what in found["model_unusable"])
    assert "training_baseline_missing" in found
    if isinstance(change, str):
        with pytest.raises(ModelError, match=message):
            workshop.train(base=str(folder), preflight="fail-open")


def test_memory_and_disk_that_do_not_suffice_stop_the_run(workshop, monkeypatch):
    monkeypatch.setattr(room, "available_bytes", lambda: 10_000_000)
    with pytest.raises(StageError, match="GB of memory") as caught:
        workshop.train(epochs=1)
    assert caught.value.reason_code == "training_memory_short"
    monkeypatch.undo()
    monkeypatch.setattr(room, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 1))
    with pytest.raises(StageError) as caught:
        workshop.train(epochs=1)
    assert caught.value.reason_code == "training_disk_short"


@pytest.mark.parametrize(
    ("method", "precision", "parameters", "bytes_each"),
    [
        ("lora", "bf16", 8_000_000_000, 2),
        ("lora", "fp32", 8_000_000_000, 4),  # a processor without bf16 holds the base in float32
        ("lora", "bf16", 50_000_000, 4),
        ("full", "bf16", 135_000_000, 16),
    ],
)
def test_memory_is_planned_for_the_precision_that_the_base_is_held_in(
    method, precision, parameters, bytes_each
):
    recipe = SimpleNamespace(method=method, precision=precision)
    setup = SimpleNamespace(recipe=recipe, base=SimpleNamespace(parameters=parameters))
    assert room.least_memory(setup) == bytes_each * parameters


def test_a_test_split_that_is_gone_does_not_stop_training(workshop_with):
    rows = sentences(60)
    workshop = workshop_with({Split.TRAIN: rows[:30], Split.DEV: rows[30:40], Split.TEST: rows[40:]})
    assert "prepare_split_changed" not in _found(workshop)
    next(workshop.project.prepared.glob("*/test.jsonl")).unlink()
    assert _found(workshop)["prepare_split_changed"] == ["a split file is gone"]
