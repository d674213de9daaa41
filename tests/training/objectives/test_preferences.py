"""Direct preference optimisation: the formula on plain rows, TRL's losses, what it changes."""

from __future__ import annotations

import json
import random

import pytest
import torch

from narrowcast.core.example import Example
from narrowcast.core.names import Split
from narrowcast.core.task import TaskSpec
from narrowcast.errors import StageError
from narrowcast.models.chat import prompt_text
from narrowcast.models.loading import model_from, tokenizer_from
from narrowcast.store.datasets import load_manifest
from narrowcast.tasks import handler_for
from narrowcast.training.outputs.trace import read_trace
from narrowcast.training.setup import build_setup
from tests.support.datasets import split_rows

pytestmark = pytest.mark.nightly

ALIGNMENT = TaskSpec(profile="alignment")
WHOLE = {
    "epochs": 3,
    "batch_size": 12,
    "max_grad_norm": 0.0,
    "learning_rate": 2e-3,
    "weight_decay": 0.0,
    "warmup_ratio": 0.0,
    "scheduler": "constant_with_warmup",
    "method": "full",
    "beta": 0.3,
}


def pairs(count, seed=0):
    """To each question a polite answer that is preferred to a curt one."""
    draw = random.Random(seed)
    rows = []
    for index in range(count):
        words = " ".join(draw.choices(["card", "fee", "rate", "my", "account", "what"], k=draw.randint(2, 9)))
        good = f"Please wait, {draw.choice(['the card', 'the fee'])} is on its way."
        rows.append(Example({"prompt": words}, {"chosen": good, "rejected": "No."}, "made", index))
    return rows


@pytest.fixture
def preferences(workshop_with):
    return workshop_with(split_rows(pairs(16), dev=4), ALIGNMENT)


def _margins(model, rows):
    """log P(chosen) − log P(rejected), each side alone, unpadded."""
    found = []
    for row in rows:
        sums = []
        for side in row.sides():
            ids = torch.tensor([side.ids])
            logprobs = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
            tokens = logprobs.gather(-1, ids[0, 1:, None])[:, 0]
            sums.append(tokens[side.prompt_length - 1 :].sum())
        found.append(sums[0] - sums[1])
    return torch.stack(found)


@pytest.mark.parametrize("layout", ["padded", "tree"])
@pytest.mark.parametrize("micro", [12, 5])
def test_losses_and_gradients_equal_the_formula(preferences, layout, micro):
    result = preferences.train(layout=layout, micro_batch_size=micro, **WHOLE)
    lines = [line for line in read_trace(preferences.project.root / result.trace) if line.loss is not None]
    rows = build_setup(preferences.options(**WHOLE), preferences.context()).train.rows
    model = model_from(preferences.base).float().train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.0)
    with torch.no_grad():
        reference = _margins(model, rows)
    for line in lines:
        loss = -torch.nn.functional.logsigmoid(0.3 * (_margins(model, rows) - reference)).mean()
        optimiser.zero_grad()
        loss.backward()
        norm = torch.stack([each.grad.norm() for each in model.parameters() if each.grad is not None]).norm()
        assert line.loss == pytest.approx(loss.item(), rel=1e-5)
        assert line.grad_norm == pytest.approx(norm.item(), rel=1e-4)
        optimiser.step()
    assert lines[0].loss == pytest.approx(0.693147, rel=1e-5)  # nothing has changed yet: σ(0)
    assert lines[-1].loss < 0.6


@pytest.mark.filterwarnings("ignore::FutureWarning")  # TRL reads names that transformers deprecates
def test_losses_equal_those_of_trl(preferences, tmp_path):
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    result = preferences.train(layout="tree", **WHOLE)
    own = [line.loss for line in read_trace(preferences.project.root / result.trace) if line.loss is not None]
    tokenizer = tokenizer_from(preferences.base)
    handler = handler_for(load_manifest(preferences.project).task)
    end = "<|im_end|>"
    table = [
        {
            "prompt": prompt_text(tokenizer, handler.to_messages(row.inputs)),
            "chosen": row.target["chosen"] + end,
            "rejected": row.target["rejected"] + end,
        }
        for row in pairs(16)[:12]
    ]
    arguments = DPOConfig(
        output_dir=str(tmp_path / "trl"),
        beta=0.3,
        per_device_train_batch_size=12,
        num_train_epochs=3,
        learning_rate=2e-3,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=0.0,
        logging_steps=1,
        report_to="none",
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        disable_tqdm=True,
    )
    trainer = DPOTrainer(
        model_from(preferences.base).float(),
        ref_model=model_from(preferences.base).float(),
        args=arguments,
        train_dataset=Dataset.from_list(table),
        processing_class=tokenizer,
    )
    rows = {tuple(row.ids) for row in build_setup(preferences.options(), preferences.context()).train.rows}
    assert {tuple(row["prompt_ids"] + row["chosen_ids"]) for row in trainer.train_dataset} == rows
    trainer.train()
    theirs = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert own == pytest.approx(theirs, rel=1e-5)


def test_an_adapter_learns_to_prefer_and_dev_pairs_are_measured(preferences):
    result = preferences.train(method="lora", epochs=6, learning_rate=5e-3, layout="tree")
    assert result.dev_loss < 0.5
    run = json.loads((preferences.project.root / result.path / "run.json").read_text())
    assert run["recipe"]["objective"] == "dpo"


def test_both_answers_count_against_the_context(workshop_with):
    long = Example({"prompt": "fee"}, {"chosen": "Yes.", "rejected": "no " * 400}, "made", 99)
    workshop = workshop_with({Split.TRAIN: [*pairs(8), long]}, ALIGNMENT)
    found = build_setup(workshop.options(), workshop.context()).train
    assert found.rejected == {"over_length": 1}
    assert found.ledger("train").rows_out == 8


def test_dpo_refuses_rows_without_pairs(workshop):
    with pytest.raises(StageError) as caught:
        workshop.train(objective="dpo")
    assert caught.value.reason_code == "training_dispatch_error"


def test_the_preferred_answers_alone_can_be_learned(preferences):
    rows = build_setup(preferences.options(objective="sft"), preferences.context()).train.rows
    assert all(len(row.sides()) == 1 for row in rows)
