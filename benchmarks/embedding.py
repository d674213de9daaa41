"""Embedding the same rows with the same encoder: narrowcast beside sentence-transformers, in turn.

The encoder must be on this machine (`narrowcast models pull minilm`, `NARROWCAST_HOME`). The peer gets its
own defaults (batches of 32, sorted by length) and batches of 128. Bars: at least as fast as the faster of
the two, by the median of interleaved ratios of CPU time, and vectors that differ by at most 1e-5. Prints a
table, or one object with `--json`; exits 0 where the bars hold.

    pip install sentence-transformers && python benchmarks/embedding.py --data banking77/train.csv
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import random
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from narrowcast.core.settings import Settings
from narrowcast.models.encoders.encoder import Encoder
from narrowcast.models.encoders.resolve import resolve_encoder

CLOSE = 1e-5


def read(path: Path, column: str, rows: int) -> list[str]:
    """Texts of a CSV file, spread over it."""
    with path.open(newline="", encoding="utf-8") as file:
        texts = [row[column] for row in csv.DictReader(file)]
    return random.Random(0).sample(texts, min(rows, len(texts)))


def timed(embed: Callable[[list[str]], Any], texts: list[str]) -> tuple[float, float, Any]:
    """CPU and wall seconds, and the vectors."""
    cpu, wall = time.process_time(), time.perf_counter()
    vectors = embed(texts)
    return time.process_time() - cpu, time.perf_counter() - wall, vectors


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--text", default="text")
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if importlib.util.find_spec("sentence_transformers") is None:
        print("the peer is missing: pip install sentence-transformers")
        return 2
    from sentence_transformers import SentenceTransformer

    texts = read(arguments.data, arguments.text, arguments.rows)
    folder = resolve_encoder(arguments.encoder, Settings.from_environment())
    ours, peer = Encoder(folder), SentenceTransformer(str(folder.path), device="cpu")

    def by_peer(size: int) -> Callable[[list[str]], Any]:
        return lambda rows: peer.encode(rows, batch_size=size, show_progress_bar=False)

    peers = {f"sentence-transformers, batches of {size}": by_peer(size) for size in (32, 128)}
    for embed in (ours.embed, *peers.values()):
        embed(texts[:64])  # what is allocated once
    seconds: dict[str, list[float]] = {"narrowcast": [], **{name: [] for name in peers}}
    walls: dict[str, list[float]] = {name: [] for name in seconds}
    vectors = {}
    for _ in range(arguments.repeats):
        for name, embed in {"narrowcast": ours.embed, **peers}.items():
            cpu, wall, vectors[name] = timed(embed, texts)
            seconds[name].append(cpu)
            walls[name].append(wall)
    ratios = {
        name: median(t / o for t, o in zip(seconds[name], seconds["narrowcast"], strict=True))
        for name in peers
    }
    apart = max(float(abs(vectors[name] - vectors["narrowcast"]).max()) for name in peers)
    holds = min(ratios.values()) >= 1.0 and apart <= CLOSE
    result = {
        "rows": len(texts),
        "peer": version("sentence-transformers"),
        "cpu_ms_per_row": {name: 1e3 * median(each) / len(texts) for name, each in seconds.items()},
        "rows_per_second": {name: len(texts) / median(each) for name, each in walls.items()},
        "cpu_ratio": ratios,
        "largest_difference": apart,
        "holds": holds,
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
        return 0 if holds else 1
    print(
        f"{len(texts):,} rows, {arguments.repeats} interleaved runs, sentence-transformers {result['peer']}"
    )
    for name, each in seconds.items():
        ratio = f"{ratios[name]:.2f} × our CPU time" if name in ratios else ""
        cpu = 1e3 * median(each) / len(texts)
        print(f"{name:40}{cpu:8.2f} CPU ms per row{len(texts) / median(walls[name]):9.0f} rows/s  {ratio}")
    print(f"vectors differ by at most {apart:.1e}; {'all bars hold' if holds else 'a bar was missed'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
