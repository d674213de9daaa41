"""The layout is chosen by what it saves, and the recipe says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from narrowcast.core.names import Split
from narrowcast.core.run import RunManifest
from narrowcast.store.files import read_json
from narrowcast.training.setup import build_setup
from tests.support.datasets import sentences


def recipe_of(workshop, **options):
    return build_setup(workshop.options(**options), workshop.context()).recipe


def test_a_shared_instruction_is_packed(workshop):
    recipe = recipe_of(workshop)
    assert recipe.layout == "tree"
    assert "% of the padded tokens" in recipe.reasons["layout"]
    assert recipe.reasons["micro_batch_size"].startswith("longest row")  # padded rows fit as well


def test_batches_of_one_row_share_nothing(workshop):
    assert recipe_of(workshop, batch_size=1).layout == "padded"


def test_an_architecture_that_was_not_compared_is_padded(workshop, monkeypatch):
    monkeypatch.setattr("narrowcast.training.packing.choice.EXACT_FOR", ("llama",))
    recipe = recipe_of(workshop)
    assert recipe.layout == "padded"
    assert "not verified for qwen3" in recipe.reasons["layout"]


def test_long_rows_are_padded(workshop, monkeypatch):
    monkeypatch.setattr("narrowcast.training.packing.choice._LONGEST", 10)
    assert recipe_of(workshop).layout == "padded"


@pytest.fixture
def long_instruction(workshop_with):
    """Rows of which 128 tokens and more are the same."""
    rows = [
        replace(row, inputs={"text": f"{'please my account ' * 30}{row.inputs['text']}"})
        for row in sentences(320)
    ]
    return workshop_with({Split.TRAIN: rows})


def test_as_many_rows_share_a_pack_as_fit_packed(long_instruction):
    padded = recipe_of(long_instruction, batch_size=64, layout="padded")
    packed = recipe_of(long_instruction, batch_size=64)
    assert padded.micro_batch_size == 32
    assert (packed.layout, packed.micro_batch_size, packed.accumulation) == ("tree", 64, 1)
    assert "packed rows of up to" in packed.reasons["micro_batch_size"]
    assert recipe_of(long_instruction, batch_size=64, micro_batch_size=16).micro_batch_size == 16


def test_a_pack_is_never_more_than_twice_what_rows_padded_may_take(long_instruction):
    packed = recipe_of(long_instruction, batch_size=320)
    assert packed.layout == "tree"
    assert 32 < packed.micro_batch_size < 128


@pytest.mark.parametrize("layout", ["padded", "tree"])
def test_what_was_asked_for_is_done_and_recorded(workshop, layout):
    result = workshop.train(layout=layout, epochs=1)
    manifest = RunManifest.model_validate(read_json(workshop.project.root / result.path / "run.json"))
    assert manifest.recipe["layout"] == layout
    assert manifest.recipe["reasons"]["layout"] == "asked for"


def test_both_layouts_train_the_same_model(workshop):
    losses = [
        workshop.train(layout=layout, epochs=2, method="full", precision="fp32").final_train_loss
        for layout in ("padded", "tree")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
