"""Each batch takes the layout that costs least, whichever that is the training is the same."""

from __future__ import annotations

import random

import pytest

from narrowcast.core.run import RunManifest
from narrowcast.store.files import read_json
from narrowcast.training.data.batches import LengthGroupedBatches
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.outputs.trace import read_trace
from narrowcast.training.packing import calibration
from narrowcast.training.packing.costs import Costs
from narrowcast.training.packing.planner import LAYOUTS, PlannedLayout, laid_out, work
from narrowcast.training.setup import build_setup

ONE_EPOCH = {"epochs": 1, "method": "full", "learning_rate": 1e-3, "max_grad_norm": 0.0, "word_dropout": 0.0}
FREE = Costs(batch=0, token=0, padded_pair=0, packed_pair=0, piece=0)


def made_rows(draw: random.Random) -> list[TokenRow]:
    shared = [draw.randrange(50) for _ in range(draw.choice([0, 5, 40]))]
    rows = [shared + draw.choices(range(50), k=draw.randint(2, 60)) for _ in range(draw.randint(1, 12))]
    return [TokenRow.answering(str(number), ids, len(ids) - 1) for number, ids in enumerate(rows)]


@pytest.mark.parametrize("seed", range(20))
def test_what_a_layout_computes_is_known_before_it_is_made(seed):
    rows = made_rows(random.Random(seed))
    for layout in LAYOUTS:
        batch, expected = laid_out(rows, 0, layout), work(rows, layout)
        assert batch["input_ids"].numel() == expected.tokens
        if layout == "padded":
            assert batch["input_ids"].shape[1] * batch["input_ids"].numel() == expected.padded_pairs
            continue
        pieces = batch["layout"].pieces
        assert len(pieces) == expected.pieces
        assert sum(each.pairs for each in pieces) == expected.packed_pairs


def test_the_cheapest_layout_is_taken():
    shared = [TokenRow.answering(str(number), [*range(40), 40 + number], 40) for number in range(6)]
    alone = [TokenRow.answering(str(number), [number] * 16, 15) for number in range(6)]
    by_token = PlannedLayout(FREE.model_copy(update={"token": 1.0}))
    assert by_token.choose(shared)[0] == "tree"
    by_piece = PlannedLayout(FREE.model_copy(update={"piece": 1.0}))
    assert by_piece.choose(shared)[0] == "padded"
    uneven = [*alone, TokenRow.answering("long", [7] * 200, 199)]
    assert by_token.choose(uneven)[0] == "packed"  # as few tokens as the tree, named first


def batches_of(workshop, costs: Costs):
    rows = build_setup(workshop.options(**ONE_EPOCH), workshop.context()).train.rows
    order = LengthGroupedBatches([row.size for row in rows], 8, 8, seed=0)
    batches = [[rows[at] for at in batch] for batch in order]
    return [PlannedLayout(costs).choose(batch)[0] for batch in batches]


def test_a_run_of_mixed_layouts_is_the_padded_run(workshop):
    costs = {"batch": 0.0, "token": 1.0, "padded_pair": 0.0, "packed_pair": 0.0, "piece": 190.0}
    folder = workshop.project.root
    assert set(batches_of(workshop, Costs(**costs))) == {"padded", "tree"}
    traces = [
        [line for line in read_trace(folder / workshop.train(**ONE_EPOCH, **layout).trace) if line.loss]
        for layout in ({"layout": "padded"}, {"layout_costs": costs})
    ]
    assert traces[0]
    for padded, planned in zip(*traces, strict=True):
        assert planned.loss == pytest.approx(padded.loss, rel=1e-4)
        assert planned.grad_norm == pytest.approx(padded.grad_norm, rel=1e-3)


def test_costs_are_measured_kept_and_used_again(workshop, monkeypatch):
    monkeypatch.setattr(calibration, "_LEAST", 0)
    first = workshop.train(**ONE_EPOCH)
    manifest = RunManifest.model_validate(read_json(workshop.project.root / first.path / "run.json"))
    costs = Costs.model_validate(manifest.recipe["layout_costs"])
    assert sum(costs.model_dump().values()) > 0  # which of them, depends on what else the machine does
    (planned,) = [payload for code, _, payload in workshop.events if code == "training_layout_planned"]
    assert planned["costs"] == costs.model_dump()
    assert sum(planned["batches"].values()) > 0
    assert planned["seconds"]["planned"] <= min(planned["seconds"][name] for name in LAYOUTS) + 1e-9
    assert "measured here" in manifest.recipe["reasons"]["layout"]
    again = workshop.train(**ONE_EPOCH, layout_costs=costs.model_dump())
    assert again.weights_sha256 == first.weights_sha256


def test_a_fit_finds_the_costs_that_made_the_times(workshop, monkeypatch):
    true = Costs(batch=0.02, token=2e-5, padded_pair=4e-8, packed_pair=3e-8, piece=1e-3)
    monkeypatch.setattr(
        calibration,
        "batch_seconds",
        lambda _setup, _model, _head, rows, layout: true.seconds(work(rows, layout)),
    )
    setup = build_setup(workshop.options(), workshop.context())
    from narrowcast.models.loading import model_from

    found = calibration.calibrate(setup, model_from(workshop.base))
    rows = setup.train.rows
    for at in range(0, len(rows), 8):
        for layout in LAYOUTS:
            size = work(rows[at : at + 8], layout)
            assert found.seconds(size) == pytest.approx(true.seconds(size), rel=0.05)
