"""Which paraphrases each embedder finds, at how many false alarms, and what a row costs.

Rows are rewritten by rules (`narrowcast.testing.rewording`) and looked for among all rows; unrelated texts
are looked for as well, and each one found is a false alarm. Three sets of banking77 and CLINC150 (`--data`,
a folder with both), three seeds each. The encoder must be on this machine (`narrowcast models pull minilm`,
`NARROWCAST_HOME`). Bars, for `encoder-words` at its own threshold: at least 85 % of the paraphrases of each
set, and no more false alarms than `tfidf` has. Prints a table, or one object with `--json`; exits 0 where
all bars hold.

    python benchmarks/sameness.py --data FOLDER
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.core.settings import Settings
from narrowcast.similarity.embedders import EmbedderContext, embedder
from narrowcast.similarity.semantic import nearest
from narrowcast.similarity.shingles import character_shingles, jaccard, words_of
from narrowcast.testing.rewording import in_other_words

RECALL_BAR, PLANTED, SEEDS = 0.85, 200, (7, 8, 9)
EMBEDDERS = ("tfidf", "encoder:minilm", "encoder-words:minilm")


@dataclass(frozen=True, slots=True)
class Case:
    """Rows to search, and texts that none of them says."""

    name: str
    rows: list[str]
    unrelated: list[str]


def cases(folder: Path) -> Iterator[Case]:
    """The three sets."""
    with (folder / "banking77" / "train.csv").open(newline="", encoding="utf-8") as file:
        banking = [row["text"] for row in csv.DictReader(file)]
    with (folder / "banking77" / "test.csv").open(newline="", encoding="utf-8") as file:
        held_out = [row["text"] for row in csv.DictReader(file)]
    clinc = json.loads((folder / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    texts = {split: [text for text, _ in rows] for split, rows in clinc.items()}
    yield Case("banking77; CLINC150 out of scope", banking[::3], texts["oos_test"])
    others = texts["oos_val"] + texts["oos_train"] + texts["val"][:1_000]
    yield Case("banking77; CLINC150 in and out of scope", banking[1::3], others)
    yield Case("CLINC150; banking77", texts["train"][::2], random.Random(1).sample(held_out, 1_000))


def paraphrases(rows: list[str], seed: int) -> list[str]:
    """Rewritten rows that are no near-duplicates of what they were."""
    chance = random.Random(seed)
    sources = [text for text in rows if len(text) >= 40]
    chance.shuffle(sources)
    said = ((text, in_other_words(text, chance)) for text in sources)
    return [other for text, other in said if not _alike(text, other)][:PLANTED]


def _alike(left: str, right: str) -> bool:
    return jaccard(character_shingles(words_of(left)), character_shingles(words_of(right))) >= 0.8


def measured(case: Case, name: str, context: EmbedderContext) -> dict[str, Any]:
    """Mean share of paraphrases found over the seeds, and false alarms."""
    shares, alarms = [], []
    for seed in SEEDS:
        planted, by = paraphrases(case.rows, seed), embedder(name, context)
        hits = nearest([*planted, *case.unrelated], case.rows, by)
        shares.append(sum(hit is not None for hit in hits[: len(planted)]) / len(planted))
        alarms.append(sum(hit is not None for hit in hits[len(planted) :]))
    return {"found": sum(shares) / len(shares), "least": min(shares), "false alarms": max(alarms)}


def cost(rows: list[str], name: str, settings: Settings) -> dict[str, float]:
    """CPU microseconds a row: vectors without a cache, then with it."""
    figures = {}
    with tempfile.TemporaryDirectory() as models:
        own = settings.model_copy(update={"home": Path(models)})
        # The encoder's files stay where they are; the cache is a new one.
        (own.home / "models").symlink_to(settings.home / "models")
        for part in ("first", "again"):
            by = embedder(name, EmbedderContext(own))
            start = time.process_time()
            by.fit(rows)
            by.embed(rows)
            figures[part] = 1e6 * (time.process_time() - start) / len(rows)
    return figures


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    settings = Settings.from_environment()
    table = {
        case.name: {
            "unrelated": len(case.unrelated),
            **{name: measured(case, name, EmbedderContext(settings)) for name in EMBEDDERS},
        }
        for case in cases(arguments.data)
    }
    rows = next(cases(arguments.data)).rows[:2_000]
    costs = {name: cost(rows, name, settings) for name in EMBEDDERS}
    best, today = EMBEDDERS[-1], EMBEDDERS[0]
    holds = all(
        each[best]["found"] >= RECALL_BAR and each[best]["false alarms"] <= each[today]["false alarms"]
        for each in table.values()
    )
    if arguments.json:
        print(json.dumps({"sets": table, "cost": costs, "holds": holds}, indent=2))
        return 0 if holds else 1
    print(f"{'paraphrases found (least), false alarms':44}" + "".join(f"{name:>24}" for name in EMBEDDERS))
    for name, each in table.items():
        cells = [each[by] for by in EMBEDDERS]
        figures = [f"{c['found']:.1%} ({c['least']:.1%}), {c['false alarms']}" for c in cells]
        print(f"{name:44}" + "".join(f"{figure:>24}" for figure in figures))
    for part in ("first", "again"):
        figures = [f"{costs[by][part]:,.0f}" for by in EMBEDDERS]
        print(f"{f'CPU µs per row, {part}':44}" + "".join(f"{figure:>24}" for figure in figures))
    print("all bars hold" if holds else "a bar was missed")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
