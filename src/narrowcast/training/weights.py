"""The model that is trained: all weights, or an adapter on a frozen base."""

from __future__ import annotations

from typing import Any

import torch

from narrowcast.models.loading import load_model, quiet_peft
from narrowcast.training.fused.adapter import fuse_adapters
from narrowcast.training.fused.attach import fuse
from narrowcast.training.options import Options
from narrowcast.training.packing.register import use
from narrowcast.training.recipes.recipe import holds_base_in_16_bit
from narrowcast.training.setup import TrainingSetup


def trainable_model(setup: TrainingSetup, options: Options) -> Any:
    """Float32 weights where they are trained; a frozen base of 100 M parameters or more stays in bf16.

    Under `qlora` the frozen base is held in 4 bit (nf4, its scales quantised as well).
    """
    recipe = setup.recipe
    model = load_model(setup.base, _dtype(setup), four_bit() if recipe.method == "qlora" else None)
    model.config.use_cache = False
    fuse(model)
    if recipe.layout == "tree":
        use(model)
    if options.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    if recipe.method == "full":
        return model
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules=recipe.target_modules,
        use_dora=recipe.method == "dora",
    )
    with quiet_peft():
        adapted = get_peft_model(model, config)
    fuse_adapters(adapted)
    return adapted


def four_bit() -> Any:
    """The quantisation of QLoRA: nf4 with quantised scales, products in bf16."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _dtype(setup: TrainingSetup) -> torch.dtype:
    recipe = setup.recipe
    in_16_bit = holds_base_in_16_bit(recipe.method, recipe.precision, setup.base.parameters)
    return torch.bfloat16 if in_16_bit else torch.float32
