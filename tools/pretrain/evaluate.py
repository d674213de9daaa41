"""Print what the base reached: held-out bits per byte against random weights, then downstream fine-tunes.

Run: ``python tools/pretrain/evaluate.py --base FOLDER --corpus CORPUS --only heldout [--json FILE]``
and: ``python tools/pretrain/evaluate.py --base FOLDER --data DATA --work WORK --only bars`` (``tickets``,
``random``)

``--base`` is any folder that transformers loads as a causal language model with a fast tokenizer (its
ChatML markers must be the base's), so the prototype and later bases are measured by the same definition
(``heldout.py``).
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from heldout import Logits, Sample, bits_per_byte, instruct_sample, packed, text_sample
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM


def samples(folder: Path, corpus: Path, limit: int | None) -> list[Sample]:
    """Both held-out samples under the folder's own tokenizer; ``limit`` bytes of each or all."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return [f(tokenizer, corpus, limit) for f in (text_sample, instruct_sample)]


def as_logits(model: Any) -> Logits:
    """A transformers model as a function from ids to logits."""

    def logits(ids: Tensor) -> Tensor:
        scores: Tensor = model(ids).logits
        return scores

    return logits


def heldout(folder: Path, corpus: Path, limit: int | None) -> dict[str, dict[str, float]]:
    """Bits per byte of the trained weights and of random weights of the same shape, in fp32."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    torch.manual_seed(0)
    chance = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    base = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()
    whole = samples(folder, corpus, limit)
    small = samples(folder, corpus, 100_000)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return {
        "random weights (first 100 kB)": bits_per_byte(as_logits(chance), small),
        "base": bits_per_byte(as_logits(base), whole),
        "base, packed blocks of 512": packed(tokenizer, corpus, as_logits(base)),
    }


def report_heldout(options: argparse.Namespace) -> dict[str, Any]:
    """Print and return the held-out table."""
    rows = heldout(options.base, options.corpus, options.limit)
    print(f"{'held-out bits per byte':32} {'text':>8} {'instruct':>9} {'answers':>8}")
    for name, row in rows.items():
        print(f"{name:32} {row['text']:8.4f} {row['instruct']:9.4f} {row.get('answers', math.nan):8.4f}")
    return rows


def report_bars(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Print and return the best fine-tunes within ten minutes, against TF-IDF, with their files' parity."""
    import downstream

    rows = []
    for name, (epochs, bar) in BARS.items():
        task = downstream.task(name, options.data, options.work, dev=BARS_DEV)
        row = {**downstream.best_effort(task, options.base, epochs), "bar": bar}
        print(
            f"{name:14} {row['metric']:9} tuned {_interval(row['tuned'])}  bar {bar}  "
            f"TF-IDF {_interval(row['tfidf'])}  {row['epochs']} epochs, {row['minutes']} min",
            flush=True,
        )
        row["parity"] = downstream.parity(task)
        for each in row["parity"]["formats"]:
            print(f"{name:14} {each['format']} parity: {each['verdict']}", flush=True)
        rows.append(row)
    return rows


def report_tickets(options: argparse.Namespace) -> dict[str, Any]:
    """Print and return how many answers parse after 300 rows of the demo."""
    import downstream

    found = downstream.tickets(options.base, options.work, 300)
    print(f"tickets        parse rate {_interval(found['parse_rate'])}", flush=True)
    return found


def report_random(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Print and return fine-tunes from the base against fine-tunes from random weights."""
    import downstream

    chance = downstream.random_weights(options.base, options.work / "random")
    rows = []
    for name in downstream.METRICS:
        task = downstream.task(name, options.data, options.work)
        for row in downstream.against_random(task, options.base, chance, SAME_BUDGET_EPOCHS):
            rows.append(row)
            print(
                f"{name:14} {row['method']:5} {row['metric']:9} base {_interval(row['base'])}  "
                f"random {_interval(row['random'])}  difference {_interval(row['difference'])}",
                flush=True,
            )
    return rows


def _interval(value: dict[str, float]) -> str:
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


SAME_BUDGET_EPOCHS = 1
BARS_DEV = 0.03  # nothing is chosen on these rows: epochs are fixed beforehand
BARS = {"banking77": (9, 0.91), "clinc150": (6, 0.92)}
"""By task: epochs that fit ten minutes on two cores, and what is aimed at."""

PARTS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "heldout": report_heldout,
    "bars": report_bars,
    "tickets": report_tickets,
    "random": report_random,
}
"""Parts of the evaluation by name."""


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, help="of the held-out files")
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="default: all parts")
    parser.add_argument("--limit", type=int, help="bytes of each held-out file; default: all")
    parser.add_argument("--data", type=Path, help="folder of banking77, clinc150 and restaurant8k")
    parser.add_argument("--work", type=Path, help="where the downstream projects are made")
    parser.add_argument("--json", type=Path, help="also write the figures here; those of other parts stay")
    options = parser.parse_args()
    for name in options.only or PARTS:  # before the first of them takes its hour
        needed = ["corpus"] if name == "heldout" else ["work"] if name == "tickets" else ["data", "work"]
        if missing := [f"--{each}" for each in needed if getattr(options, each) is None]:
            parser.error(f"{name} needs {' and '.join(missing)}")
    figures = json.loads(options.json.read_text()) if options.json and options.json.exists() else {}
    for name in options.only or PARTS:
        figures[name] = PARTS[name](options)
        if options.json is not None:
            options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
