"""Print what the base reached: held-out bits per byte against random weights, then downstream fine-tunes.

Run: ``python tools/pretrain/evaluate.py --base FOLDER --corpus CORPUS --only heldout [--json FILE]``

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


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {"heldout": report_heldout}
"""Parts of the evaluation by name; the downstream fine-tunes join here through the package's API."""


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="default: all parts")
    parser.add_argument("--limit", type=int, help="bytes of each held-out file; default: all")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    figures = {name: PARTS[name](options) for name in options.only or PARTS}
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
