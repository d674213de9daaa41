"""Which arithmetic a machine is fast in."""

from __future__ import annotations

from typing import Literal


def best_precision() -> tuple[Literal["bf16", "fp32"], str]:
    """bf16 where the machine multiplies it in hardware, else float32; and why.

    A processor is asked twice: whether it has the instructions, and whether oneDNN, which computes the
    products, may use them (`ONEDNN_MAX_CPU_ISA` limits it). Elsewhere bf16 products are emulated on one
    thread, a hundred times slower than float32.
    """
    import torch

    if torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported()
        return ("bf16", "the GPU has bf16") if fast else ("fp32", "the GPU has no bf16")
    has_products = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    if has_products and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return "bf16", "the processor multiplies bf16 in hardware"
    return "fp32", "the processor has no bf16 products"
