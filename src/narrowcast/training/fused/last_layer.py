"""The last layer, where only tokens whose logits are needed go through all of it.

What follows the last attention works on each token by itself: output projection, norm, feed-forward network.
Tokens without a loss give the other tokens keys and values there, and after that nobody looks at them. Left
out, they change no logit and no gradient; in a model of a few layers and rows of few answer tokens that is a
good part of a pass (a fifth of the products at 4 layers).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from narrowcast.models.head import PickedHead
from narrowcast.training.fused.families import PRE_NORM
from narrowcast.training.packing.register import attend

_TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}  # relative; others by rounding
_ROUNDED = 2e-2


class EarlyHead(PickedHead):
    """A `PickedHead` that picks within the last layer, where the model's is known and agrees.

    Under gradient checkpointing, which runs a layer again when the positions are gone, and in models of other
    families it picks in front of the output layer.
    """

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self._layer = _last_layer(model)
        self._attending = self._picked = False
        if self._layer is None:
            return
        self._own = self._layer.forward
        self._hook_attention = self._layer.self_attn.o_proj.register_forward_pre_hook(self._pick_attended)
        if self._agrees(model):
            self._layer.forward = self._forward
        else:
            self._hook_attention.remove()
            self._layer = None

    @property
    def early(self) -> bool:
        """Whether it picks within the last layer."""
        return self._layer is not None

    def close(self) -> None:
        """Leave the model as it was."""
        super().close()
        if self._layer is not None:
            self._hook_attention.remove()
            self._layer.forward = self._own

    def _forward(self, hidden_states: Tensor, **kwargs: Any) -> Tensor:
        """A pre-norm decoder layer: [rows, tokens, width] to [1, n, width]."""
        layer = self._layer
        if self._positions is None:
            whole: Tensor = self._own(hidden_states, **kwargs)
            return whole
        self._attending = True
        try:
            attended, _ = layer.self_attn(hidden_states=layer.input_layernorm(hidden_states), **kwargs)
        finally:
            self._attending = False
        self._picked = True
        picked: Tensor = self.rows(hidden_states)[None] + attended
        return picked + layer.mlp(layer.post_attention_layernorm(picked))

    def _pick_attended(self, _projection: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        return (self.rows(arguments[0])[None],) if self._attending else None

    def _pick(self, layer: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if not self._picked:
            return super()._pick(layer, arguments)
        self._picked = False
        return (arguments[0].flatten(0, 1), *arguments[1:])

    def _agrees(self, model: Any) -> bool:
        """Whether the picked rows of a random input are those of the model's own layer."""
        layer = self._layer
        weight = layer.input_layernorm.weight
        generator = torch.Generator().manual_seed(0)
        hidden = torch.randn(1, 6, weight.shape[0], generator=generator).to(weight)
        places = torch.arange(6, device=weight.device)[None]
        rotary = next(module.rotary_emb for module in model.modules() if hasattr(module, "rotary_emb"))
        tables = rotary(hidden, places)
        given = {"attention_mask": None, "position_ids": places, "position_embeddings": tables}
        config, training = model.config, layer.training
        attention = config._attn_implementation
        # A frozen base in bf16 has adapters in float32, which only autocast lets meet, as in training.
        mixed = torch.autocast(weight.device.type, torch.bfloat16, enabled=weight.dtype == torch.bfloat16)
        attend(model, packed=False)
        layer.eval()
        try:
            with torch.no_grad(), mixed:
                expected = self._own(hidden, **given)[0, [1, 4, 4, 0]]
                with self.at(torch.tensor([1, 4, 4, 0], device=weight.device)):
                    actual = self._forward(hidden, **given)[0]
        finally:
            self._picked, config._attn_implementation = False, attention
            layer.train(training)
        tolerance = _TOLERANCES.get(weight.dtype, _ROUNDED)
        return bool((actual - expected).norm() <= tolerance * expected.norm())


def _last_layer(model: Any) -> Any:
    """The last decoder layer of a family whose layers are known, unless it is run again for backward."""
    if model.config.model_type not in PRE_NORM:
        return None
    layers = [module for module in model.modules() if type(module).__name__.endswith("DecoderLayer")]
    known = ("input_layernorm", "self_attn", "post_attention_layernorm", "mlp")
    parts = [name for name, _ in layers[-1].named_children()]
    return layers[-1] if sorted(parts) == sorted(known) and not layers[-1].gradient_checkpointing else None
