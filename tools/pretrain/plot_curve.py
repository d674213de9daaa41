"""Draw the held-out curve: ``python tools/pretrain/plot_curve.py CURVE.csv CURVE.png``."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw(source: Path, target: Path) -> None:
    """Bits per byte over millions of tokens, one line for each kind."""
    with source.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    tokens = [int(r["tokens"]) / 1e6 for r in rows]
    figure, axes = plt.subplots(figsize=(7, 4.2))
    for kind, bar in (("text", 1.35), ("instruct", 0.75), ("answers", None)):
        (line,) = axes.plot(tokens, [float(r[kind]) for r in rows], marker="o", markersize=3, label=kind)
        if bar is not None:
            axes.axhline(bar, color=line.get_color(), linestyle=":", linewidth=1)
    decay = max((t for t, r in zip(tokens, rows, strict=True) if r["phase"] == "stable"), default=None)
    if decay is not None:
        axes.axvspan(decay, tokens[-1], alpha=0.1, color="grey", label="decay")
    axes.set(xlabel="million tokens", ylabel="held-out bits per byte", yscale="log")
    axes.set_yticks(
        [0.7, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5], labels=["0.7", "0.8", "1.0", "1.2", "1.5", "2.0", "2.5"]
    )
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(target, dpi=110)


def main() -> None:
    """Draw one picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    draw(options.source, options.target)
    if options.json:
        print(json.dumps({"written": str(options.target), "bytes": options.target.stat().st_size}))


if __name__ == "__main__":
    main()
