"""Packed loss and gradients are those of the padded run, by transformers' own attention and mask."""

from __future__ import annotations

import random

import pytest
import torch
import transformers

from narrowcast.errors import ModelError
from narrowcast.models.head import PickedHead
from narrowcast.models.loading import quiet_peft
from narrowcast.training.data.batches import collate
from narrowcast.training.data.rows import TokenRow
from narrowcast.training.fused.adapter import fuse_adapters
from narrowcast.training.fused.last_layer import EarlyHead
from narrowcast.training.packing.batch import pack
from narrowcast.training.packing.register import use
from narrowcast.training.packing.trie import build_trie
from tests.support.exactness import assert_same_gradients

VOCABULARY = 97


def model_of(family: str, window: int | None = None):
    """Random weights; the keys and queries share heads two to one."""
    torch.manual_seed(0)
    shape = {
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 256,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": None,
    }
    if family == "llama":
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**shape))
    if family == "gemma3":
        config = transformers.Gemma3TextConfig(
            **shape, sliding_window=window or 4096, query_pre_attn_scalar=16
        )
        return transformers.Gemma3ForCausalLM(config)
    if window:
        shape |= {"sliding_window": window, "use_sliding_window": True, "max_window_layers": 1}
    return transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**shape))


def draw_rows(seed: int, shared: tuple[int, int] = (0, 40)) -> list[TokenRow]:
    """Rows that share much, little or nothing, one of them twice, one the beginning of another."""
    draw = random.Random(seed)

    def tokens(low: int, high: int) -> list[int]:
        return [draw.randrange(2, VOCABULARY) for _ in range(draw.randint(low, high))]

    first, middles = tokens(*shared), [tokens(1, 20) for _ in range(3)]
    ids = [first + draw.choice(middles) + tokens(1, 24) for _ in range(6)]
    ids += [ids[0], ids[1][: max(2, len(ids[1]) // 2)], tokens(2, 9)]
    return [
        TokenRow.answering(str(number), each, draw.randrange(len(each))) for number, each in enumerate(ids)
    ]


def backward(model, batch, head=PickedHead) -> float:
    """Mean loss of the answers; gradients stay in the model."""
    head = head(model)
    inputs = {name: batch[name] for name in ("input_ids", "position_ids", "layout") if name in batch}
    with head.at(batch["positions"]):
        logits = model(**inputs, use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits, batch["labels"])
    loss.backward()
    head.close()
    return loss.item()


def padded(rows):
    """The way of transformers."""
    return lambda model: backward(model, collate(rows, pad=0))


def packed(rows, head=PickedHead):
    """The way of this package."""

    def way(model) -> float:
        use(model.get_base_model() if hasattr(model, "get_base_model") else model)
        return backward(model, pack(rows, pad=0), head)

    return way


@pytest.mark.parametrize(
    ("family", "window"), [("qwen3", None), ("qwen3", 9), ("llama", None), ("gemma3", None), ("gemma3", 9)]
)
@pytest.mark.parametrize("seed", range(4))
def test_loss_and_gradients_equal_the_padded_runs(family, window, seed):
    rows = draw_rows(seed)
    assert_same_gradients(model_of(family, window), padded(rows), packed(rows))


def test_weights_of_many_keys_are_computed_anew_and_the_same():
    rows = draw_rows(0, shared=(140, 140))  # more than eight keys for each of a head's 16 numbers
    assert_same_gradients(model_of("qwen3"), padded(rows), packed(rows))


@pytest.mark.parametrize("seed", range(3))
def test_adapters_get_the_same_gradients(seed):
    from peft import LoraConfig, get_peft_model

    rows = draw_rows(seed)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    with quiet_peft():
        model = get_peft_model(model_of("qwen3"), config)
    assert_same_gradients(model, padded(rows), packed(rows))


@pytest.mark.parametrize(
    ("family", "window", "early"),
    [("qwen3", None, True), ("qwen3", 9, True), ("llama", None, True), ("gemma3", None, False)],
)
@pytest.mark.parametrize("packs", [True, False])
def test_the_last_layer_may_leave_out_tokens_without_a_loss(family, window, early, packs):
    rows = draw_rows(2)
    batch = pack(rows, pad=0) if packs else collate(rows, pad=0)

    def picked(model) -> float:
        if packs:
            use(model)
        return backward(model, batch, EarlyHead)

    assert_same_gradients(model_of(family, window), padded(rows), picked)
    model, sizes = model_of(family, window), []
    for layer in model.model.layers:
        layer.mlp.register_forward_hook(lambda _layer, _inputs, out: sizes.append(out[..., 0].numel()))
    picked(model)
    all_tokens, needed = batch["input_ids"].numel(), len(batch["positions"])
    assert sizes[-len(model.model.layers) :] == [all_tokens] * 2 + [needed if early else all_tokens]
    if not packs:  # closed, the model is its own again
        assert model(input_ids=batch["input_ids"]).logits.shape[:2] == batch["input_ids"].shape


def test_a_frozen_base_in_bf16_with_adapters_in_float32_leaves_them_out_too():
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    with quiet_peft():
        model = get_peft_model(model_of("llama").to(torch.bfloat16), config)
    fuse_adapters(model)
    assert {weight.dtype for weight in model.parameters() if weight.requires_grad} == {torch.float32}
    assert EarlyHead(model).early


def test_gradient_checkpointing_changes_nothing():
    rows = draw_rows(1)

    def checkpointed(model) -> float:
        model.activation_checkpointing_enable({"use_reentrant": False})
        return packed(rows, EarlyHead)(model)

    assert_same_gradients(model_of("qwen3").train(), padded(rows), checkpointed)


@pytest.mark.parametrize("fewest", [1, 3, 8])
@pytest.mark.parametrize("seed", range(5))
def test_the_trie_holds_every_row_at_its_positions(seed, fewest):
    draw = random.Random(seed)
    rows = [[draw.randrange(3) for _ in range(draw.randint(1, 12))] for _ in range(draw.randint(1, 9))]
    trie = build_trie(rows, fewest)
    for row, offsets in zip(rows, trie.offsets, strict=True):
        assert [trie.ids[at] for at in offsets] == row
        assert [trie.positions[at] for at in offsets] == list(range(len(row)))
    if fewest == 1:  # every distinct beginning once
        assert len(trie.ids) == len({tuple(row[: stop + 1]) for row in rows for stop in range(len(row))})


def test_every_pair_of_query_and_key_occurs_once():
    rows = draw_rows(2)
    batch = pack(rows, pad=0)
    layout, seen = batch["layout"], {}
    for piece in layout.pieces:
        families = zip(piece.own.tolist(), piece.above.tolist(), strict=True)
        for family, (segments, above) in enumerate(families):
            last = [] if piece.missing is None else piece.missing[family].tolist()
            gaps = [False] * (len(above) - len(last)) + last
            keys = [key for key, gap in zip(above, gaps, strict=True) if not gap]
            for segment in segments:
                own = [offset for offset in segment if offset != layout.tokens - 1]
                for at, query in enumerate(own):
                    for key in [*keys, *own[: at + 1]]:
                        seen[query, key] = seen.get((query, key), 0) + 1
    trie = build_trie([row.ids for row in rows], 8)
    wanted = {
        (a, b) for offsets in trie.offsets for place, a in enumerate(offsets) for b in offsets[: place + 1]
    }
    assert seen == dict.fromkeys(wanted, 1)


def test_what_the_pieces_do_not_know_is_refused():
    model = model_of("qwen3")
    use(model)
    with pytest.raises(ModelError, match="no layout"):
        model(input_ids=torch.tensor([[5, 6, 7]]), use_cache=False)
    model.config.attention_dropout = 0.1
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = 0.1
    model.train()
    with pytest.raises(ModelError, match="dropout"):
        backward(model, pack(draw_rows(0), pad=0))
