"""narrowcast's train stage, and the least time its products could take."""

from __future__ import annotations

import os
import time
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from finetunes.inputs import BATCH, gathered


def train(folder: Path, rows: list[dict[str, str]], method: str, precision: str, warm: int) -> dict[str, Any]:
    """One epoch as it chooses by itself; times from its own trace.

    Returns:
        Examples per second after `warm` optimizer steps, the most memory, a step's time as a multiple of the
        floor (and of the floor at the rate of the fastest single product), and what is trained.
    """
    from narrowcast.models.memory import peak_bytes, reset_peak
    from narrowcast.stages.train.contract import read_inputs
    from narrowcast.stages.train.run import train as train_stage
    from narrowcast.training.outputs.trace import read_trace

    home = folder / f"home-{os.getpid()}"
    setup, options, context = gathered(home, folder / "model", rows, method, precision)
    products, precision = floor_operations(setup, options), setup.recipe.precision
    before = product_rates(precision)
    reset_peak()
    result = train_stage(read_inputs(options, context), options, context)
    peak = peak_bytes()
    root = context.project.root
    lines = [line for line in read_trace(root / result.trace) if line.loss is not None]
    seconds = (lines[-1].seconds - lines[warm - 1].seconds) / (len(lines) - warm)
    assert len(lines) * BATCH == len(rows), f"{len(lines)} optimizer steps"
    sustained, fastest = map(max, zip(before, product_rates(precision), strict=True))
    return {
        "speed": BATCH / seconds,
        "peak_mib": peak / 2**20,
        "floor_ratio": seconds * sustained / products,
        "fastest_floor_ratio": seconds * fastest / products,
        "saved": str(root / result.path),
    }


def floor_operations(setup: Any, options: Any) -> float:
    """Operations of the matrix products of a mean optimizer step.

    A weight of a linear layer takes two operations a token forward and four backward (two where it is
    frozen); tokens are the distinct ones of the step's rows, logits those with a loss. Attention takes four
    operations forward and ten backward (it computes its weights anew) for each pair and number of a head.
    """
    import torch

    from narrowcast.models.chat import IGNORED
    from narrowcast.training.packing.calibration import micro_batches
    from narrowcast.training.packing.planner import laid_out
    from narrowcast.training.packing.trie import build_trie
    from narrowcast.training.weights import trainable_model

    model = trainable_model(setup, options)
    config, head = model.config, model.get_output_embeddings()
    per_token = 0
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear) and layer is not head:
            per_token += layer.weight.numel() * (6 if layer.weight.requires_grad else 4)
    per_logit = 4 * head.weight.numel() + 2 * head.weight.numel() * head.weight.requires_grad
    per_pair = 14 * config.num_attention_heads * config.head_dim * config.num_hidden_layers
    batches, parts = micro_batches(setup), setup.recipe.accumulation
    steps = [batches[at : at + parts] for at in range(0, len(batches), parts)]
    total = 0
    for rows in (list(chain.from_iterable(each)) for each in steps):
        trie = build_trie([row.ids for row in rows])
        pairs = sum(
            each.length * (each.length + 1) // 2 + each.length * each.descendants for each in trie.segments
        )
        logits = int((laid_out(rows, 0, "tree")["labels"] != IGNORED).sum())
        total += per_token * len(trie.ids) + per_logit * logits + per_pair * pairs
    return total / len(steps)


def product_rates(precision: str) -> tuple[float, float]:
    """Operations per second of large products in this arithmetic: the median within a second, and the most.

    On a shared processor, single products may be two to three times as fast as what it sustains.
    """
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    times: list[float] = []
    while sum(times) < 1 or len(times) < 20:
        begin = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - begin)
    return 2 * 2048**3 / median(times), 2 * 2048**3 / min(times)
