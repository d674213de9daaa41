"""Training on a tiny model: it learns, it saves, it refuses."""

from __future__ import annotations

import json
import shutil

import pytest

from narrowcast.core.example import Example
from narrowcast.core.names import Split
from narrowcast.errors import ModelError, StageError
from narrowcast.models.loading import load_trained, read_run_manifest
from narrowcast.store.datasets import load_manifest
from narrowcast.store.files import read_jsonl
from narrowcast.training.outputs.trace import read_trace
from tests.support.datasets import sentences


@pytest.mark.parametrize("method", ["full", "lora"])
def test_training_lowers_the_loss_and_saves_a_model_that_loads(workshop, method):
    result = workshop.train(method=method, epochs=6, learning_rate=3e-3)
    lines = read_trace(workshop.project.root / result.trace)
    losses = [line.loss for line in lines if line.loss is not None]
    dev = [line.dev_loss for line in lines if line.dev_loss is not None]
    assert len(losses) == 6 * 8
    assert len(dev) == 6
    assert dev[-1] < 0.9 * dev[0]
    assert result.ledger.balanced
    codes = [code for code, _, _ in workshop.events]
    assert codes == [
        "stage_started",
        "training_preflight",
        "training_forced",
        "training_started",
        "training_run",
    ]
    model, tokenizer = load_trained(workshop.project, result.run_id, workshop.opened.settings)
    assert model.get_output_embeddings() is not None
    assert tokenizer.chat_template
    manifest = read_run_manifest(workshop.project, result.run_id)
    assert manifest.method == method
    assert manifest.steps == 48
    (line,) = read_jsonl(workshop.project.run_index)
    assert line["weights_sha256"] == result.weights_sha256
    assert (workshop.project.runs / result.run_id / "loss.png").stat().st_size > 5_000


@pytest.mark.nightly
def test_rows_that_do_not_fit_are_counted_and_named(workshop_with):
    rows = sentences(40)
    long = [Example({"text": "card " * 300}, "card", "made", 900 + number) for number in range(3)]
    workshop = workshop_with({Split.TRAIN: [*rows[:30], *long], Split.DEV: rows[30:]})
    result = workshop.train(epochs=1, max_length=200)
    assert result.ledger.rejected == {"over_length": 3}
    assert (result.ledger.rows_in, result.ledger.rows_out) == (33, 30)
    assert result.ledger.balanced
    (event,) = [payload for code, _, payload in workshop.events if code == "training_rows_truncated"]
    assert event["examples"] == {"over_length": ["made:900", "made:901", "made:902"]}


@pytest.mark.nightly
def test_no_row_that_fits_is_an_error(workshop):
    with pytest.raises(StageError, match="64 over_length") as caught:
        workshop.train(max_length=8)
    assert caught.value.reason_code == "training_dispatch_error"


@pytest.mark.nightly
def test_one_row_and_no_dev_rows_train(workshop_with):
    workshop = workshop_with({Split.TRAIN: sentences(1)})
    result = workshop.train(epochs=3, preflight="fail-open")
    assert result.dev_loss is None
    assert result.ledger.rows_out == 1
    assert len(read_trace(workshop.project.root / result.trace)) == 3


@pytest.mark.nightly
def test_a_loss_that_is_not_finite_stops_the_run(workshop):
    with pytest.raises(StageError, match="the loss became") as caught:
        workshop.train(
            learning_rate=0.9, max_grad_norm=0, warmup_ratio=0, epochs=40, method="full", weight_decay=5
        )
    assert caught.value.reason_code == "training_diverged"
    assert not list(workshop.project.adapters.glob("*"))


@pytest.mark.nightly
def test_early_stopping_keeps_the_best_weights(workshop):
    wild = {"method": "full", "epochs": 40, "learning_rate": 1e-2, "eval_every": 4}
    result = workshop.train(early_stopping=2, select_by="loss", **wild)
    dev = [
        line.dev_loss
        for line in read_trace(workshop.project.root / result.trace)
        if line.dev_loss is not None
    ]
    manifest = read_run_manifest(workshop.project, result.run_id)
    assert manifest.steps < 40 * 8
    assert dev.index(min(dev)) == len(dev) - 3
    assert manifest.losses["dev_best"] == pytest.approx(min(dev))


@pytest.mark.nightly
def test_bf16_learns_as_float32_does(workshop):
    losses = {}
    for precision in ("fp32", "bf16"):
        result = workshop.train(method="full", epochs=4, learning_rate=2e-3, precision=precision)
        losses[precision] = result.dev_loss
        assert read_run_manifest(workshop.project, result.run_id).weights_dtype == "float32"
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.1)


@pytest.mark.nightly
def test_equal_runs_give_equal_weights_and_one_line(workshop):
    first = workshop.train(epochs=1)
    again = workshop.train(epochs=1)
    assert first.run_id == again.run_id
    assert first.weights_sha256 == again.weights_sha256
    assert len(list(read_jsonl(workshop.project.run_index))) == 1
    other = workshop.train(epochs=1, seed=1)
    assert other.weights_sha256 != first.weights_sha256


@pytest.mark.nightly
def test_training_reads_train_and_dev_alone(workshop_with):
    rows = sentences(60)
    workshop = workshop_with({Split.TRAIN: rows[:30], Split.DEV: rows[30:40], Split.TEST: rows[40:]})
    manifest = load_manifest(workshop.project)
    (workshop.project.root / manifest.splits[Split.TEST].path).unlink()
    assert workshop.train(epochs=1).ledger.rows_out == 30


@pytest.mark.nightly
def test_missing_or_changed_weights_are_never_replaced_by_the_base(workshop, tmp_path):
    result = workshop.train(method="lora", epochs=1)
    folder = workshop.project.root / result.path
    with pytest.raises(ModelError) as caught:
        load_trained(workshop.project, "exp-unknown", workshop.opened.settings)
    assert caught.value.reason_code == "model_adapter_missing"
    shutil.move(folder / "adapter_model.safetensors", tmp_path / "adapter")
    with pytest.raises(ModelError) as caught:
        load_trained(workshop.project, result.run_id, workshop.opened.settings)
    assert caught.value.reason_code == "model_adapter_missing"
    shutil.move(tmp_path / "adapter", folder / "adapter_model.safetensors")
    workshop.project.events.unlink()  # a run of an older version, whose files no event names
    run = json.loads((folder / "run.json").read_text())
    run["base"]["fingerprint"] = "0" * 64
    (folder / "run.json").write_text(json.dumps(run))
    with pytest.raises(ModelError) as caught:
        load_trained(workshop.project, result.run_id, workshop.opened.settings)
    assert caught.value.reason_code == "model_base_changed"
