"""Fused operations give the losses and gradients of the model's own, or are not taken."""

from __future__ import annotations

import copy

import pytest
import torch
import transformers

from narrowcast.models.loading import quiet_peft
from narrowcast.training.fused.adapter import fuse_adapters
from narrowcast.training.fused.attach import fuse
from narrowcast.training.fused.norm import RmsNorm
from narrowcast.training.fused.rotary import Rotary
from tests.support.exactness import assert_same_gradients

pytestmark = pytest.mark.nightly

SHAPE = {
    "vocab_size": 97,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": None,
}
FAMILIES = {
    "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
    "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
    "gemma3": (transformers.Gemma3TextConfig, transformers.Gemma3ForCausalLM),
    "cohere": (transformers.CohereConfig, transformers.CohereForCausalLM),
}


def model_of(family: str):
    config, model = FAMILIES[family]
    torch.manual_seed(0)
    return model(config(**SHAPE))


def backward(model, *, bf16: bool = False) -> float:
    ids = torch.arange(60).reshape(3, 20) % 97
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
    loss.backward()
    return loss.item()


def fused_way(model) -> float:
    fuse(model)
    return backward(model)


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_gradients_are_those_of_the_models_own_operations(family):
    assert_same_gradients(model_of(family), backward, fused_way)


def test_in_bf16_they_are_as_close_to_float32_as_the_models_own():
    exact, own = model_of("qwen3"), model_of("qwen3")
    fused = copy.deepcopy(own)
    fuse(fused)
    backward(exact), backward(own, bf16=True), backward(fused, bf16=True)

    def distance(model) -> float:
        pairs = zip(model.parameters(), exact.parameters(), strict=True)
        return sum(((mine.grad - theirs.grad).norm() / theirs.grad.norm()).item() for mine, theirs in pairs)

    assert distance(fused) <= 1.1 * distance(own)


def test_what_computes_something_else_keeps_its_own():
    names = {family: fuse(model_of(family)) for family in FAMILIES}
    attention, norms = "model.layers.1.self_attn", "model.layers.1.input_layernorm"
    assert {attention, norms} <= set(names["qwen3"])
    assert {attention, norms} & set(names["gemma3"]) == {attention}  # its weight stands for 1 + weight
    assert names["cohere"] == []  # it turns neighbours, not halves


@pytest.mark.parametrize("options", [{}, {"use_dora": True}], ids=["lora", "dora"])
def test_adapters_learn_what_peft_lets_them_learn(options):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, lora_alpha=6, target_modules="all-linear", task_type="CAUSAL_LM", **options)
    with quiet_peft():
        own, fused = (get_peft_model(model_of("qwen3"), config) for _ in range(2))
        torch.manual_seed(1)
        for name, weights in own.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weights, std=0.02)  # zero at first, so that A would learn nothing
        fused.load_state_dict(own.state_dict())

    def fused_adapters(model) -> float:
        assert fuse_adapters(model) == 14
        return backward(model)

    assert_same_gradients(own, backward, fused_adapters)
    assert fuse_adapters(fused) == 14
    ids = torch.arange(20)[None]
    with torch.inference_mode(), fused.disable_adapter(), own.disable_adapter():
        assert torch.equal(fused(input_ids=ids).logits, own(input_ids=ids).logits)


def test_weights_keep_their_names():
    model = model_of("qwen3")
    before = set(model.state_dict())
    fuse(model)
    assert set(model.state_dict()) == before
    backward(copy.deepcopy(model))  # a copy works on its own weights
    assert all(each.grad is None for each in model.parameters())


def test_a_norm_before_products_is_narrow_under_autocast_alone():
    model = model_of("qwen3")
    fuse(model)
    layer, x = model.model.layers[0], torch.randn(2, 3, 64)
    assert layer.input_layernorm(x).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer.input_layernorm(x).dtype == torch.bfloat16
        assert model.model.norm(x).dtype == torch.float32


@pytest.mark.parametrize("trained", [True, False])
def test_norms_value_and_gradient(trained):
    torch.manual_seed(0)
    x = torch.randn(7, 48, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(48, dtype=torch.float64, requires_grad=trained)
    plain = weight * x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()
    torch.testing.assert_close(RmsNorm.apply(x, weight, 1e-6, x.dtype), plain, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda *given: RmsNorm.apply(*given, 1e-6, x.dtype), (x, weight))


def test_rotations_gradient_with_tables_whose_halves_differ():
    torch.manual_seed(0)
    x = torch.randn(1, 3, 5, 8, dtype=torch.float64, requires_grad=True)
    cos, sin = (torch.randn(1, 1, 5, 8, dtype=torch.float64) for _ in range(2))
    assert torch.autograd.gradcheck(lambda given: Rotary.apply(given, cos, sin), (x,))
