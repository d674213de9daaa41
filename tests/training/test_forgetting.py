"""General text before and after a run: bits per byte that do not depend on how they are computed."""

from __future__ import annotations

import math

import pytest
import torch

from narrowcast.models.embedded import embedded_base
from narrowcast.models.loading import load_trained, model_from, read_run_manifest, tokenizer_from
from narrowcast.training.checks.forgetting import RISE, _entries, compare_bits, warn_of_forgetting

pytestmark = pytest.mark.nightly


def _bits(model, tokenizer) -> float:
    """Bits per byte of the passages, by transformers' own loss, a passage at a time."""
    nats = size = 0
    for entry in _entries("text"):
        ids = torch.tensor([tokenizer(entry["text"], add_special_tokens=False)["input_ids"]])
        with torch.inference_mode():
            nats += model(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1)
        size += len(entry["text"].encode()) - len(tokenizer.decode(ids[0, :1]).encode())
    return nats / math.log(2) / size


def test_bits_are_those_of_plain_transformers_and_change_no_weight(workshop):
    options = {"layout": "tree", "epochs": 1, "method": "full"}
    plain = workshop.elsewhere().train(**options)
    result = workshop.train(forgetting_check=True, **options)
    assert plain.forgetting == {}
    assert result.weights_sha256 == plain.weights_sha256
    assert workshop.options(forgetting_check=True).identity() == workshop.options().identity()
    found = result.forgetting
    assert found == read_run_manifest(workshop.project, result.run_id).forgetting
    tokenizer = tokenizer_from(workshop.base)
    assert found["text_before"] == pytest.approx(_bits(model_from(workshop.base), tokenizer), abs=2e-4)
    after, _ = load_trained(workshop.project, result.run_id, workshop.opened.settings)
    assert found["text_after"] == pytest.approx(_bits(after, tokenizer), abs=2e-4)
    assert found["rise"] == pytest.approx(found["all_after"] / found["all_before"] - 1, abs=1e-3)


def test_forgetting_is_a_warning(workshop):
    before = {"text": 1.3, "answers": 0.7, "all": 1.2}
    little = compare_bits(before, {**before, "all": 1.2 * (1 + 0.9 * RISE)})
    much = compare_bits(before, {**before, "all": 1.2 * (1 + 1.1 * RISE)})
    assert not warn_of_forgetting(little, workshop.context())
    assert not warn_of_forgetting({}, workshop.context())
    assert workshop.emitted == []
    assert warn_of_forgetting(much, workshop.context())
    assert [code for code, _, _ in workshop.emitted] == ["training_forgetting"]


def test_the_embedded_base_knows_the_probe_set():
    base = embedded_base()
    assert _bits(model_from(base), tokenizer_from(base)) < 2
