"""Every kind of input: its share of all, who makes it, and who runs it."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from pathlib import Path

from tests.fuzz import models, requests, runs, sources
from tests.fuzz.record import Input

_MAKERS: dict[str, tuple[int, Callable[..., Input]]] = {
    "csv": (13, sources.delimited),
    "jsonl": (14, sources.lines),
    "json": (12, sources.document),
    "xlsx, ods": (6, sources.workbook),
    "parquet": (5, sources.parquet),
    "conll, fasttext": (4, sources.tagged),
    "logs": (3, sources.logs),
    "docs": (5, sources.documents),
    "clean": (4, sources.cleaning),
    "sql": (4, sources.database),
    "folder, join": (4, sources.several),
    "http": (4, sources.web),
    "s3, gs": (2, sources.bucket),
    "hf": (1, sources.hub),
    "kaggle": (1, sources.kaggle),
    "locator": (8, sources.locator),
    "narrowcast.yaml": (5, requests.config),
    "model folder": (4, models.model),
    "gguf": (3, models.gguf),
    "onnx": (3, models.onnx),
    "template": (8, models.template),
    "request": (5, requests.request),
}
"""Name → weight and maker."""

RUNS: dict[str, runs.Run] = {
    "source": runs.run_source,
    "hub": runs.run_hub,
    "kaggle": runs.run_kaggle,
    "config": runs.run_config,
    "model": runs.run_model,
    "gguf": runs.run_gguf,
    "onnx": runs.run_onnx,
    "template": runs.run_template,
    "request": requests.run_request,
}
"""`Input.kind` → who runs it."""

KINDS = list(_MAKERS)


def make(seed: int, number: int, seeds: Path, only: str = "") -> tuple[str, Input]:
    """The input of a number: its kind and what is tried; the same for the same seed.

    Args:
        seed: of the whole run.
        number: of the input, from 0.
        seeds: folder with a good model, as folder and as file.
        only: make no other kind.
    """
    draw = random.Random(f"{seed}:{number}")
    kind = only or draw.choices(KINDS, [weight for weight, _ in _MAKERS.values()])[0]
    maker = _MAKERS[kind][1]
    return kind, maker(draw, seeds) if "seeds" in inspect.signature(maker).parameters else maker(draw)
