"""Which arithmetic a machine is fast in."""

from __future__ import annotations

from typing import Literal


def best_precision() -> tuple[Literal["bf16", "fp32"], str]:
    """bf16 where the machine multiplies it in hardware, else float32; and why."""
    import torch

    if torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported()
        return ("bf16", "the GPU has bf16") if fast else ("fp32", "the GPU has no bf16")
    if torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported():
        return "bf16", "the processor multiplies bf16 in hardware"
    return "fp32", "the processor has no bf16 products"
