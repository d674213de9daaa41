"""A run out of memory continues with less at once, and takes the same optimiser steps."""

from __future__ import annotations

import pytest
import torch

from narrowcast.errors import StageError
from narrowcast.models.loading import read_run_manifest
from narrowcast.training import session
from narrowcast.training.outputs.trace import read_trace

pytestmark = pytest.mark.nightly

OPTIONS = {"method": "full", "epochs": 1, "micro_batch_size": 8, "layout": "padded", "word_dropout": 0.0}


@pytest.fixture
def little_memory(monkeypatch):
    """Bases whose forward pass asks for more memory than any machine has once a batch has many rows."""
    build, calls = session.trainable_model, []

    def trainable_model(*arguments):
        model = build(*arguments)

        def greedy(_module, _args, kwargs):
            calls.append(len(kwargs["input_ids"]))
            if len(kwargs["input_ids"]) > 4 and len(calls) > 5:
                torch.empty(1 << 50)  # the allocator's own refusal

        model.register_forward_pre_hook(greedy, with_kwargs=True)
        return model

    monkeypatch.setattr(session, "trainable_model", trainable_model)


def test_a_smaller_micro_batch_takes_the_same_steps(workshop, little_memory, monkeypatch):
    options = {**OPTIONS, "checkpoint_every": 4}
    retried = workshop.train(oom_retries=3, **options)
    events = [
        (message, payload) for code, message, payload in workshop.events if code == "training_oom_retry"
    ]
    assert [(payload["from"], payload["to"]) for _, payload in events] == [(8, 4)]
    assert [payload["accumulation"] for _, payload in events] == [2]
    assert events[0][1]["step"] == 4  # from the checkpoint
    assert "trying 4" in events[0][0]
    manifest = read_run_manifest(workshop.project, retried.run_id)
    assert manifest.recipe["micro_batch_size"] == 4
    assert manifest.recipe["reasons"]["micro_batch_size"] == "out of memory with 8"
    monkeypatch.undo()
    ours = read_trace(workshop.project.root / retried.trace)
    workshop = workshop.elsewhere()
    theirs = read_trace(workshop.project.root / workshop.train(**options).trace)
    assert [line.step for line in ours] == [line.step for line in theirs]
    assert [line.learning_rate for line in ours] == [line.learning_rate for line in theirs]
    assert [line.tokens for line in ours] == [line.tokens for line in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert (one.loss or one.dev_loss) == pytest.approx(other.loss or other.dev_loss, rel=1e-4)


def test_without_retries_it_is_an_error_that_offers_them(workshop, little_memory):
    with pytest.raises(StageError) as caught:
        workshop.train(**OPTIONS)
    assert caught.value.reason_code == "training_oom"
    assert "--oom-retries" in caught.value.next_command
    assert "training_oom_retry" not in [code for code, _, _ in workshop.events]
