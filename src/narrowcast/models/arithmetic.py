"""Which arithmetic a machine is fast in."""

from __future__ import annotations

from typing import Literal

Precision = Literal["bf16", "fp32"]


def best_precision() -> tuple[Precision, str]:
    """bf16 where the GPU, or without one the processor, multiplies it in hardware, else float32; and why."""
    import torch

    if torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported()
        return ("bf16", "the GPU has bf16") if fast else ("fp32", "the GPU has no bf16")
    return processor_precision()


def processor_precision() -> tuple[Precision, str]:
    """The same of what is computed on the processor, whether there is a GPU or not.

    A processor is asked twice: whether it has the instructions, and whether oneDNN, which computes the
    products, may use them (`ONEDNN_MAX_CPU_ISA` limits it). Elsewhere bf16 products are emulated on one
    thread, a hundred times slower than float32.
    """
    import torch

    has_products = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    if has_products and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return "bf16", "the processor multiplies bf16 in hardware"
    return "fp32", "the processor has no bf16 products"
