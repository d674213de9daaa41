"""Training on a tiny model: it learns, it saves, it refuses."""

from __future__ import annotations

import pytest

from narrowcast.models.loading import load_trained, read_run_manifest
from narrowcast.stages.train.trace import read_trace
from narrowcast.store.files import read_jsonl


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
    assert [code for code, _, _ in workshop.events] == ["training_forced", "training_started"]
    model, tokenizer = load_trained(workshop.project, result.run_id)
    assert model.get_output_embeddings() is not None
    assert tokenizer.chat_template
    manifest = read_run_manifest(workshop.project, result.run_id)
    assert manifest.method == method
    assert manifest.steps == 48
    (line,) = read_jsonl(workshop.project.run_index)
    assert line["weights_sha256"] == result.weights_sha256
    assert (workshop.project.runs / result.run_id / "loss.png").stat().st_size > 5_000
