"""Train one phase of the base, resumably.

Run, from stable to decay (``--minutes`` counts this phase's training time over all its resumptions):

    python tools/pretrain/train.py --corpus CORPUS --work WORK --phase stable --minutes 75
    python tools/pretrain/train.py --corpus CORPUS --work WORK --phase decay --minutes 35

A phase resumes from ``WORK/<phase>.pt`` if that exists, else starts from ``--from`` (a checkpoint of another
phase), else from random weights. An interrupt or the presence of ``WORK/stop`` ends it with a checkpoint.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

import model as network
import torch
import yaml
from blocks import Mixture
from heldout import bits_per_byte, instruct_sample, text_sample
from muon import Matrix, Mixed
from schedule import Phase
from tokenizers import Tokenizer


def build(config: dict[str, Any]) -> tuple[network.Base, Mixed]:
    """The network at random weights and its optimiser."""
    shape = network.Shape(**config["shape"])
    base = network.Base(shape, seed=config["seed"])
    wide, narrow = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    matrices: list[Matrix] = []
    for block in base.decoder:
        matrices += [
            Matrix(block.qkv, (wide, narrow, narrow)),
            Matrix(block.out, (shape.hidden,)),
            Matrix(block.gate_up, (shape.feed_forward, shape.feed_forward)),
            Matrix(block.down, (shape.hidden,)),
        ]
    chosen = {id(m.parameter) for m in matrices}
    others = [p for p in base.parameters() if id(p) not in chosen]
    settings = config["optimiser"]
    return base, Mixed(matrices, others, settings["muon"], settings["adam"])


class Run:
    """The state of one phase: model, optimiser, data cursors, counters; saved and restored as one file."""

    def __init__(self, options: argparse.Namespace, config: dict[str, Any]) -> None:
        self.options, self.config = options, config
        self.phase = Phase.read(options.phase, config["phases"][options.phase])
        self.base, self.optimiser = build(config)
        self.mixture = Mixture(options.work, config["seed"])
        self.tokens = 0
        self.seconds = 0.0
        self.phase_seconds = 0.0
        own = options.work / f"{self.phase.name}.pt"
        if own.exists():
            self.load(own, True)
        elif options.start is not None:
            self.load(options.start, False)
        tokenizer = Tokenizer.from_file(str(options.work / "tokenizer.json"))
        size = config["heldout"]["curve_bytes"]
        self.samples = [f(tokenizer, options.corpus, size) for f in (text_sample, instruct_sample)]

    def load(self, path: Path, same_phase: bool) -> None:
        """Restore a checkpoint; the phase's own clock only from its own checkpoint."""
        state = torch.load(path, weights_only=False)
        self.base.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.mixture.load_state_dict(state["mixture"])
        torch.set_rng_state(state["random"])
        self.tokens, self.seconds = state["tokens"], state["seconds"]
        self.phase_seconds = state["phase_seconds"] if same_phase else 0.0

    def save(self) -> None:
        """Write ``WORK/<phase>.pt`` atomically."""
        path = self.options.work / f"{self.phase.name}.pt"
        partial = path.with_suffix(".part")
        state = {
            "model": self.base.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "mixture": self.mixture.state_dict(),
            "random": torch.get_rng_state(),
            "tokens": self.tokens,
            "seconds": self.seconds,
            "phase_seconds": self.phase_seconds,
            "config": self.config,
        }
        torch.save(state, partial)
        partial.rename(path)

    def step(self) -> tuple[float, float, float]:
        """One optimiser step; return loss (nats a token), gradient norm, learning-rate multiplier."""
        phase, config = self.phase, self.config
        parts = config["step_tokens"] // config["micro_tokens"]
        rows = config["micro_tokens"] // phase.block
        total = torch.zeros(())
        for _ in range(parts):
            ids, targets, weights = self.mixture.batch(
                rows, phase.block, phase.instruct_share, phase.answer_weight
            )
            loss = self.base.loss(ids, targets, weights / (weights.sum() * parts))
            loss.backward()
            total += loss.detach()
            self.tokens += ids.numel()
        norm = torch.nn.utils.clip_grad_norm_(self.optimiser.parameters(), config["optimiser"]["clip"])
        progress = self.phase_seconds / (60 * self.options.minutes)
        scale = phase.scale(progress, self.optimiser.steps, config["optimiser"]["warm_up_steps"])
        self.optimiser.step(scale)
        return float(total), float(norm), scale

    def measure(self) -> dict[str, float]:
        """Held-out bits per byte on the small fixed sample, appended to ``WORK/curve.csv``."""
        with torch.compiler.set_stance("force_eager"):
            scores = bits_per_byte(self.base.logits, self.samples)
        path = self.options.work / "curve.csv"
        new = not path.exists()
        with path.open("a", newline="") as out:
            writer = csv.writer(out)
            if new:
                writer.writerow(["phase", "step", "tokens", "minutes", *scores])
            row = [self.phase.name, self.optimiser.steps, self.tokens, round(self.seconds / 60, 2)]
            writer.writerow([*row, *(round(v, 4) for v in scores.values())])
        return scores

    def train(self) -> None:
        """Step until the phase's minutes are over, logging, measuring and saving on the way."""
        heldout = self.config["heldout"]
        log = sys.stderr if self.options.json else sys.stdout
        saved = measured = time.monotonic()
        while self.phase_seconds < 60 * self.options.minutes and not (self.options.work / "stop").exists():
            began = time.monotonic()
            loss, norm, scale = self.step()
            now = time.monotonic()
            self.seconds += now - began
            self.phase_seconds += now - began
            if self.optimiser.steps % 10 == 0 or self.optimiser.steps < 10:
                speed = self.config["step_tokens"] / (now - began)
                print(
                    f"{self.phase.name} step {self.optimiser.steps} tokens {self.tokens / 1e6:.2f}M "
                    f"loss {loss:.4f} norm {norm:.2f} rate {scale:.3f} tok/s {speed:.0f} "
                    f"min {self.phase_seconds / 60:.1f}",
                    file=log,
                    flush=True,
                )
            if now - measured > 60 * heldout["curve_minutes"]:
                print("held out", self.measure(), file=log, flush=True)
                measured = time.monotonic()
            if now - saved > 60 * heldout["checkpoint_minutes"]:
                self.save()
                saved = time.monotonic()
        self.save()
        scores = self.measure()
        if self.options.json:
            print(json.dumps({"phase": self.phase.name, "tokens": self.tokens, "held_out": scores}))
        else:
            print("held out", scores, flush=True)


def main() -> None:
    """Read the configuration, compile the hot functions, train the phase."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--phase", required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--from", dest="start", type=Path, help="checkpoint of another phase to start from")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.yaml"))
    parser.add_argument("--json", action="store_true", help="log to standard error, end in one JSON document")
    options = parser.parse_args()
    torch.set_num_threads(2)
    network.compile_hot_paths()
    run = Run(options, yaml.safe_load(options.config.read_text()))
    run.train()


if __name__ == "__main__":
    main()
