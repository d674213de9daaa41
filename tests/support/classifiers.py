"""A small project with a trained classifier, made through the commands."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from narrowcast.core.settings import Settings
from narrowcast.pipeline.project import Project
from narrowcast.testing.tiny import build_tiny_encoder
from tests.support.cli import run_here
from tests.support.spans import rows_with_spans

TOPICS = {
    "card": ["my card is lost", "the plastic has not arrived", "card arrival please", "a new card"],
    "rate": ["the exchange rate for euros", "rate of the transfer", "what is the exchange rate"],
    "fee": ["I was charged a fee", "why this fee", "the fee for cash is wrong"],
    "refund": ["where is my refund", "money back please", "the refund has not arrived"],
}
FILLERS = ["please", "hello", "today", "again", "I think", "as you know", "well", "tomorrow", "café", "123"]
EVERY_FEATURE = "encoder,words,characters"


def texts(count: int, seed: int = 0) -> list[tuple[str, list[str]]]:
    """Texts with the one or two topics that they are about."""
    draw, rows = random.Random(seed), []
    for number in range(count):
        topics = draw.sample(list(TOPICS), draw.choice([1, 1, 2]))
        words = [*draw.sample(FILLERS, 3), *(draw.choice(TOPICS[topic]) for topic in topics)]
        draw.shuffle(words)
        rows.append((f"{' '.join(words)} {number * 37 % 1000}", sorted(topics)))
    return rows


def prepared(home: Path, *, several: bool = False, rows: int = 240) -> Project:
    """A project whose rows are split and whose baselines are measured; it answers with one topic or all."""
    given = [
        {"text": text, "labels": topics} if several else {"text": text, "label": topics[0]}
        for text, topics in texts(rows)
    ]
    return _prepared(home, given)


def _prepared(home: Path, given: list[dict[str, Any]], *settings: str) -> Project:
    source = home / "rows.jsonl"
    source.write_text("".join(json.dumps(each) + "\n" for each in given))
    project = Project.create(Settings.from_environment({}, home=home / "work"), "topics")
    for words in (
        ("data", "import", "--locator", f"jsonl:{source}", "--auto"),
        ("prepare", *settings),
        ("baseline", "--models", "majority", "--samples", "100"),
    ):
        run_here("--home", home / "work", *words, cwd=project.paths.root)
    return project


def trained(home: Path, features: str, *, several: bool = False) -> Project:
    """The same with a linear classifier, on a tiny encoder where it is among the features."""
    base = ["--base", build_tiny_encoder(home / "encoder")] if "encoder" in features else []
    return _trained(home, ["linear", "--features", features, *base], several=several)


def tuned(home: Path, *, several: bool = False) -> Project:
    """The same with a fine-tuned encoder."""
    base = build_tiny_encoder(home / "encoder")
    return _trained(home, ["encoder", "--base", base, "--epochs", "2"], several=several)


def tagging(home: Path, method: str = "encoder") -> Project:
    """A project that asks for spans, with a fine-tuned encoder or a linear model that tags words."""
    project = _prepared(home, rows_with_spans(160), "--near-duplicates", "free")
    how: list[str | Path] = ["--epochs", "12", "--learning-rate", "1e-3", "--batch-size", "8"]
    how = ["--base", build_tiny_encoder(home / "encoder"), *how] if method == "encoder" else []
    command = ("train", "--method", method, *how)
    run_here("--home", home / "work", *command, cwd=project.paths.root)
    return project


def _trained(home: Path, method: list[str | Path], *, several: bool) -> Project:
    project = prepared(home, several=several)
    run_here("--home", home / "work", "train", "--method", *method, cwd=project.paths.root)
    return project


def fires_on(token: int) -> Callable[[onnx.ModelProto], None]:
    """Put into the encoder's part of an ONNX file what changes the vector of texts with this token alone."""

    def spoil(model: onnx.ModelProto) -> None:
        nodes = list(model.graph.node)
        (at,) = [number for number, node in enumerate(nodes) if node.output[0] == "vector"]
        (weight,) = [each for each in model.graph.initializer if each.name == "encoder.weight"]
        shift = np.linspace(-50, 50, weight.dims[0], dtype=np.float32)
        nodes[at].output[0] = "vector before"
        planted = [
            helper.make_node("Constant", [], ["token"], value_int=token),
            helper.make_node("Constant", [], ["axis"], value_ints=[1]),
            helper.make_node("Constant", [], ["shift"], value=numpy_helper.from_array(shift)),
            helper.make_node("Equal", ["input_ids", "token"], ["is"]),
            helper.make_node("Cast", ["is"], ["number"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMax", ["number", "axis"], ["any"], keepdims=1),
            helper.make_node("Mul", ["any", "shift"], ["moved"]),
            helper.make_node("Add", ["vector before", "moved"], ["vector"]),
        ]
        del model.graph.node[:]
        model.graph.node.extend([*nodes[: at + 1], *planted, *nodes[at + 1 :]])

    return spoil
