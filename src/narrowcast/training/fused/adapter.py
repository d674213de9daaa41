"""LoRA (Hu et al. 2021) without the copies that PEFT makes: y = W x + B (s A x).

PEFT casts the input of every adapter to float32, which autocast undoes immediately, and scales and adds
results as wide as the layer. Here the input stays as it is, the scale meets the few numbers between A and B,
and the adapter's part is added in place. Anything but one plain adapter goes PEFT's way.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

from torch import Tensor


def fuse_adapters(model: Any) -> int:
    """Attach to every plain LoRA layer of a PEFT model; how many there are."""
    from peft.tuners.lora.layer import Linear

    layers = [module for module in model.modules() if type(module) is Linear]
    for module in layers:
        module.forward = MethodType(_forward, module)
    return len(layers)


def _forward(module: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    plain = not (args or kwargs or module.disable_adapters or module.merged or module.lora_variant)
    if not plain or len(module.active_adapters) != 1:
        whole: Tensor = type(module).forward(module, x, *args, **kwargs)
        return whole
    (name,) = module.active_adapters
    out: Tensor = module.base_layer(x)
    low = module.lora_A[name](module.lora_dropout[name](x)) * module.scaling[name]
    return out.add_(module.lora_B[name](low).to(out.dtype))
