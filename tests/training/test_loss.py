"""The loss and its gradient equal those of plain transformers; accumulation and grouping change nothing."""

from __future__ import annotations

import pytest
import torch

from narrowcast.models.chat import IGNORED
from narrowcast.models.loading import model_from, tokenizer_from
from narrowcast.testing.tiny import build_tiny_model
from narrowcast.training.data.batches import LengthGroupedBatches, collate
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.outputs.trace import read_trace
from narrowcast.training.setup import build_setup

ONE_EPOCH = {
    "epochs": 1,
    "max_grad_norm": 0.0,
    "learning_rate": 1e-3,
    "method": "full",
    "word_dropout": 0.0,
}


def _first_update(workshop):
    """Loss and gradient norm of the first step, by transformers' own loss on padded, masked rows."""
    rows = build_setup(workshop.options(**ONE_EPOCH), workshop.context()).train.rows
    batches = LengthGroupedBatches([len(row.ids) for row in rows], 8, 8, seed=0)
    batch = [rows[number] for number in next(iter(batches))]
    longest = max(len(row.ids) for row in batch)
    ids = torch.tensor([[0] * (longest - len(row.ids)) + row.ids for row in batch])  # padded on the left
    mask = torch.tensor([[0] * (longest - len(row.ids)) + [1] * len(row.ids) for row in batch])
    labels = torch.tensor(
        [[IGNORED] * (longest - row.loss_tokens) + row.ids[row.prompt_length :] for row in batch]
    )
    model = model_from(workshop.base)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    loss = model(input_ids=ids, attention_mask=mask, position_ids=positions, labels=labels).loss
    loss.backward()
    norm = torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).norm()
    return loss.item(), norm.item()


@pytest.mark.parametrize("layout", ["padded", "tree"])
@pytest.mark.parametrize("micro", [8, 3, 1])
def test_the_first_update_equals_plain_transformers(workshop, micro, layout):
    result = workshop.train(micro_batch_size=micro, layout=layout, **ONE_EPOCH)
    line = read_trace(workshop.project.root / result.trace)[0]
    loss, norm = _first_update(workshop)
    assert line.loss == pytest.approx(loss, rel=1e-5)
    assert line.grad_norm == pytest.approx(norm, rel=1e-4)


def test_recomputed_activations_change_nothing(workshop):
    result = workshop.train(gradient_checkpointing=True, layout="tree", **ONE_EPOCH)
    line = read_trace(workshop.project.root / result.trace)[0]
    loss, norm = _first_update(workshop)
    assert (line.loss, line.grad_norm) == (pytest.approx(loss, rel=1e-5), pytest.approx(norm, rel=1e-4))


def test_llama_rows_cost_the_same_loss(workshop, tmp_path):
    workshop.base = build_tiny_model(tmp_path / "llama", family="llama")
    result = workshop.train(micro_batch_size=5, **ONE_EPOCH)
    line = read_trace(workshop.project.root / result.trace)[0]
    assert line.loss == pytest.approx(_first_update(workshop)[0], rel=1e-5)


def test_logits_exist_only_where_there_is_a_loss(workshop):
    rows = build_setup(workshop.options(), workshop.context()).train.rows[:5]
    batch = collate(rows, pad=0)
    answers = batch["labels"] != IGNORED
    labels = batch["labels"][answers]
    assert labels.numel() == sum(row.loss_tokens for row in rows)
    flat = batch["input_ids"].flatten()
    following = flat[batch["positions"][answers] + 1]
    assert torch.equal(following, labels)
    tokenizer = tokenizer_from(workshop.base)
    texts = tokenizer.decode(labels).split("<|im_end|>")[:-1]
    assert set(texts) <= {"card", "rate", "fee"}
    assert len(texts) == 5


def test_few_sizes_occur_so_that_few_products_must_be_prepared():
    rows = [TokenRow.answering("", [1] * length, length - 3) for length in range(20, 200)]
    batches = [collate(rows[at : at + 7], pad=0) for at in range(len(rows) - 7)]
    assert len({batch["input_ids"].shape[1] for batch in batches}) <= 12
    assert len({len(batch["labels"]) for batch in batches}) == 1


def test_the_order_of_rows_is_a_function_of_seed_and_epoch():
    lengths = [number % 17 + 1 for number in range(103)]
    batches = LengthGroupedBatches(lengths, 8, 3, seed=5)
    first = list(batches)
    assert len(first) == len(batches) == 12 * 3 + 3
    assert sorted(row for batch in first for row in batch) == list(range(103))
    assert list(batches) == first
    batches.set_epoch(1)
    assert list(batches) != first
    steps = [[*first[at], *first[at + 1], *first[at + 2]] for at in range(0, 36, 3)]
    assert all(len(step) == 8 for step in steps)
    spread = [max(lengths[row] for row in step) - min(lengths[row] for row in step) for step in steps]
    assert sum(spread) / len(spread) < 4  # rows of one step are of similar length
