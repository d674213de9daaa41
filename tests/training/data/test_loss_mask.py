"""Which tokens carry loss: every assistant turn where asked, through batches, packing and word dropout."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from narrowcast.core.example import Example
from narrowcast.core.message import Message
from narrowcast.core.names import Split
from narrowcast.core.task import TaskSpec
from narrowcast.models.chat import IGNORED, render_learned, render_training
from narrowcast.models.head import PickedHead
from narrowcast.models.loading import model_from
from narrowcast.testing.tiny import tiny_tokenizer
from narrowcast.training.data.batches import collate
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.data.word_dropout import WordDropout
from narrowcast.training.forward import picked_logits
from narrowcast.training.objectives.sft import Completions
from narrowcast.training.packing.batch import pack
from narrowcast.training.packing.register import use
from narrowcast.training.setup import build_setup
from tests.training.conftest import MakeWorkshop

TURNS = [
    Message("user", "one"),
    Message("assistant", "two"),
    Message("tool", '{"rate": 1.1}'),
    Message("user", "more"),
    Message("assistant", "three"),
    Message("user", "last"),
    Message("assistant", "four"),
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer(640, 512)


def _learned(tokenizer: Any, turns: list[Message], *, every_turn: bool) -> str:
    found = render_learned(tokenizer, turns, every_turn=every_turn)
    assert found.ids == render_training(tokenizer, turns)[0]
    return str(
        tokenizer.decode([token for token, weight in zip(found.ids, found.weights, strict=True) if weight])
    )


def test_the_last_turn_alone_is_the_prompt_and_its_completion(tokenizer: Any) -> None:
    assert _learned(tokenizer, TURNS, every_turn=False) == "four<|im_end|>"
    _, labels = render_training(tokenizer, TURNS)
    weights = render_learned(tokenizer, TURNS).weights
    assert [label != IGNORED for label in labels] == [weight > 0 for weight in weights]


def test_every_assistant_turn_and_no_other_is_learned(tokenizer: Any) -> None:
    assert _learned(tokenizer, TURNS, every_turn=True) == "two<|im_end|>three<|im_end|>four<|im_end|>"


def test_a_turn_of_weight_zero_is_left_out(tokenizer: Any) -> None:
    turns = [*TURNS[:1], Message("assistant", "two", 0.0), *TURNS[2:]]
    assert _learned(tokenizer, turns, every_turn=True) == "three<|im_end|>four<|im_end|>"


def test_a_history_rendered_otherwise_carries_no_loss() -> None:
    shouting = tiny_tokenizer(640, 512)
    shouting.chat_template = shouting.chat_template.replace(
        "message['content']",
        "(message['content'] if loop.last or message['role'] != 'assistant' else message['content'] | upper)",
    )
    found = render_learned(shouting, TURNS, every_turn=True)
    assert found.turns_without_loss == 2
    learned = [token for token, weight in zip(found.ids, found.weights, strict=True) if weight]
    assert shouting.decode(learned) == "four<|im_end|>"


def _rows(seed: int, vocabulary: int) -> list[TokenRow]:
    """Rows with shared beginnings and scattered loss; some weigh their tokens."""
    draw = random.Random(seed)
    begin = [draw.randrange(5, vocabulary) for _ in range(12)]
    rows = []
    for number in range(6):
        tail = (draw.randrange(5, vocabulary) for _ in range(draw.randint(2, 30)))
        ids = [*begin[: draw.choice([0, 9, 12])], *tail]
        mask = bytes(draw.random() < 0.4 for _ in ids[:-1]) + b"\x01"
        weights = tuple(draw.choice([0.5, 1.0, 2.0]) for _ in range(mask.count(1))) if number % 2 else ()
        rows.append(TokenRow(str(number), ids, mask, weights=weights))
    return rows


def _expected(model: Any, rows: list[TokenRow]) -> torch.Tensor:
    """The weighted loss, row by row and without padding."""
    losses = []
    for row in rows:
        logits = model(input_ids=torch.tensor([row.ids])).logits[0]
        weights = iter(row.weights or [1.0] * row.mask.count(1))
        for place, learned in enumerate(row.mask):
            weight = next(weights) if learned else 0.0
            if weight and place:
                losses.append(-weight * logits[place - 1].log_softmax(-1)[row.ids[place]])
    return torch.stack(losses).sum()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layout", [collate, pack])
def test_any_mask_gives_the_gradient_of_plain_rows(tiny_base: Any, layout: Any, seed: int) -> None:
    model = model_from(tiny_base).double().eval()
    rows = _rows(seed, model.config.vocab_size)
    expected = _expected(model, rows)
    expected.backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    if layout is pack:
        use(model)
    batch, head = layout(rows, 0), PickedHead(model)
    loss = Completions(layout).loss(picked_logits(model, head, batch, bf16=False).double(), batch)
    loss.backward()
    # The loss itself is taken in float32.
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    for found, parameter in zip(gradients, model.parameters(), strict=True):
        assert (parameter.grad - found).norm() <= 1e-5 * (found.norm() + 1e-9)


def test_word_dropout_keeps_mask_and_weights_on_their_tokens() -> None:
    rows = [
        TokenRow(str(row), [1, *range(10 * row + 5, 10 * row + 13), 2, 900, 3, 901], b"\0" * 10 + b"\1\0\1")
        for row in range(4)
    ]
    dropped = WordDropout(rows, 0.5, seed=0)
    for index in range(len(rows)):
        row = dropped[index]
        assert [row.ids[place] for place in row.targets] == [900, 901]
        assert len(row.mask) == len(row.ids)


@pytest.mark.parametrize(("profile", "turns"), [("chat", 3), ("instruction", 1)])
def test_chat_learns_every_turn_by_itself_and_other_tasks_the_last(
    workshop_with: MakeWorkshop, profile: str, turns: int
) -> None:
    history = [{"role": turn.role, "content": turn.content} for turn in TURNS[:-1]]
    rows = [
        Example({"messages": [*history, {"role": "user", "content": str(row)}]}, "four", "made", row)
        for row in range(8)
    ]
    workshop = workshop_with({Split.TRAIN: rows}, TaskSpec(profile=profile))
    setup = build_setup(workshop.options(), workshop.context())
    text = setup.tokenizer.decode([setup.train.rows[0].ids[place] for place in setup.train.rows[0].targets])
    assert text.count("<|im_end|>") == turns
    assert setup.recipe.loss_turns == ("all" if turns > 1 else "last")
    last = build_setup(workshop.options(loss_turns="last"), workshop.context())
    assert last.train.loss_tokens <= setup.train.loss_tokens
