"""Which realistic edits of short texts a search for near-duplicates sees through, and what it joins wrongly.

Texts of a labelled CSV or JSONL file (`--data`, `--text`, `--label`) are edited in fourteen ways
(`narrowcast.testing.edits`) and looked for among all of them. Peer: datasketch MinHash on character
triples at the same Jaccard similarity, where it is installed. False alarms are pairs of the file's own texts
that are joined although their labels differ. Then the cost of a row, at 10,000 and ten times as many
generated rows and up to `--rows`. Bars: at least 80 % of each kind of edit; cost per row at most 1.3 times
as high. Prints a table, or
one object with `--json`; exits 0 where all hold.

    python benchmarks/near_duplicates.py --data banking77/train.csv --text text --label category
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from dedupe import planted
from narrowcast.similarity.copies import edited_copies
from narrowcast.similarity.near_duplicates import near_duplicates
from narrowcast.similarity.shingles import character_shingles, words_of
from narrowcast.similarity.union_find import UnionFind
from narrowcast.testing.edits import EDITS

THRESHOLD, RECALL_BAR, FLAT_BAR = 0.8, 0.8, 1.3
Pair = tuple[int, int]
Find = Callable[[Sequence[str]], UnionFind]


def shingles_alone(texts: Sequence[str]) -> UnionFind:
    """Groups by Jaccard similarity."""
    sets = UnionFind(len(texts))
    for group in near_duplicates(texts, THRESHOLD).groups:
        sets.union_all(group)
    return sets


def with_copies(texts: Sequence[str]) -> UnionFind:
    """What `prepare` keeps together."""
    sets = shingles_alone(texts)
    for copy in edited_copies(texts):
        sets.union(copy.left, copy.right)
    return sets


def by_datasketch(texts: Sequence[str]) -> UnionFind:
    """Its LSH index over the same shingles."""
    from datasketch import MinHash, MinHashLSH

    index, sets = MinHashLSH(threshold=THRESHOLD, num_perm=128), UnionFind(len(texts))
    shingles = ([each.encode() for each in character_shingles(words_of(text))] for text in texts)
    for number, sketch in enumerate(MinHash.generator(shingles, num_perm=128)):
        for other in index.query(sketch):
            sets.union(number, other)
        index.insert(number, sketch)
    return sets


def read(path: Path, text: str, label: str) -> list[tuple[str, str]]:
    """Texts and labels of a file."""
    with path.open(newline="", encoding="utf-8") as file:
        rows: Iterable[dict[str, str]] = (
            csv.DictReader(file) if path.suffix == ".csv" else [json.loads(line) for line in file]
        )
        return [(row[text], row[label]) for row in rows]


def recall(rows: Sequence[tuple[str, str]], find: Find, count: int) -> dict[str, float]:
    """Share of the edited texts that are in one group with their originals, by kind of edit."""
    texts = [text for text, _ in rows]
    everything, added = list(texts), {}
    for kind, edit in EDITS.items():
        chance = random.Random(kind)
        chosen = chance.sample(range(len(texts)), count)
        added[kind] = [(number, len(everything) + place) for place, number in enumerate(chosen)]
        everything += [edit(texts[number], chance, texts) for number in chosen]
    sets = find(everything)
    return {
        kind: sum(sets.find(left) == sets.find(right) for left, right in pairs) / count
        for kind, pairs in added.items()
    }


def false_alarms(rows: Sequence[tuple[str, str]], find: Find) -> dict[str, float]:
    """Groups of the file's own texts."""
    groups = [group for group in find([text for text, _ in rows]).components() if len(group) > 1]
    mixed = [group for group in groups if len({rows[number][1] for number in group}) > 1]
    return {
        "rows in groups": sum(map(len, groups)) / len(rows),
        "rows in groups of several labels": sum(map(len, mixed)) / len(rows),
        "largest group": max(map(len, groups), default=0),
    }


def wrong_pairs(rows: Sequence[tuple[str, str]]) -> tuple[int, int, float]:
    """Edited copies among the file's own texts, those with different labels, and the rows of those."""
    copies = edited_copies([text for text, _ in rows])
    wrong = [each for each in copies if rows[each.left][1] != rows[each.right][1]]
    return len(copies), len(wrong), len({n for each in wrong for n in (each.left, each.right)}) / len(rows)


def cost(rows: int) -> float:
    """CPU microseconds per row."""
    texts = planted(rows)[0]
    start = time.process_time()
    edited_copies(texts)
    return 1e6 * (time.process_time() - start) / rows


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    found, groups, copies, cost = (result[name] for name in ("found", "groups", "copies", "cost"))
    print(f"{result['rows']:,} rows, {result['edits']} edits of each kind, all added at once")
    print(f"{'found':34}" + "".join(f"{name:>13}" for name in found))
    for kind in EDITS:
        print(f"{kind:34}" + "".join(f"{each[kind]:>13.0%}" for each in found.values()))
    for line in next(iter(groups.values())):
        form = ".0f" if line == "largest group" else ".1%"
        print(f"{line:34}" + "".join(f"{each[line]:>13{form}}" for each in groups.values()))
    print(
        f"edited copies among the rows: {copies['pairs']:,} pairs, {copies['of different labels']:,} of "
        f"different labels ({copies['share of rows']:.1%} of rows)"
    )
    print(
        f"CPU per row: {cost['us at 10,000']:.0f} µs at 10,000 rows, {cost['us']:.0f} µs at "
        f"{cost['rows']:,}; peak {cost['peak MB']:,} MB"
    )
    print("all bars hold" if result["holds"] else "a bar was missed")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="label")
    parser.add_argument("--edits", type=int, default=100, help="edited texts of each kind")
    parser.add_argument("--rows", type=int, default=100_000, help="generated rows, for the cost")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = read(arguments.data, arguments.text, arguments.label)
    methods: dict[str, Find] = {"shingles": shingles_alone, "with copies": with_copies}
    if importlib.util.find_spec("datasketch"):
        methods["datasketch"] = by_datasketch
    found = {name: recall(rows, find, arguments.edits) for name, find in methods.items()}
    alarms = {name: false_alarms(rows, find) for name, find in methods.items()}
    pairs, wrong, share = wrong_pairs(rows)
    few, many = cost(10_000), cost(arguments.rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    holds = min(found["with copies"].values()) >= RECALL_BAR and many <= FLAT_BAR * few
    result = {
        "rows": len(rows),
        "edits": arguments.edits,
        "found": found,
        "groups": alarms,
        "copies": {"pairs": pairs, "of different labels": wrong, "share of rows": share},
        "cost": {"rows": arguments.rows, "us at 10,000": few, "us": many, "peak MB": peak},
        "holds": holds,
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
