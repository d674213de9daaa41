"""A gradient that is no number stops the run before it reaches the weights."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from narrowcast.errors import StageError
from narrowcast.training import session
from narrowcast.training.outputs.checkpoints import last_checkpoint

pytestmark = pytest.mark.nightly


def test_the_last_checkpoint_holds_numbers_where_a_gradient_does_not(workshop, monkeypatch):
    build = session.trainable_model

    def trainable_model(*arguments):
        model, seen = build(*arguments), []

        def spoil(gradient):
            seen.append(1)
            return gradient * float("nan") if len(seen) == 4 else gradient  # as an overflow would

        next(model.parameters()).register_hook(spoil)
        return model

    monkeypatch.setattr(session, "trainable_model", trainable_model)
    options = {"method": "full", "epochs": 1, "checkpoint_every": 1, "max_grad_norm": 0.0}
    with pytest.raises(StageError, match="the gradient's norm became nan at step 4") as caught:
        workshop.train(**options)
    assert caught.value.reason_code == "training_diverged"
    assert "--learning-rate NUMBER, a lower one" in caught.value.next_command
    kept = last_checkpoint(workshop.run_folder / "checkpoints")
    assert kept.name == "checkpoint-3"
    assert all(torch.isfinite(each).all() for each in load_file(kept / "model.safetensors").values())
