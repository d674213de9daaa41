"""What a row costs on its way from JSONL to a data-set version, at 10,000 rows and at many more.

Each step is a process of its own (`data import`, `data clean`, `data dedupe`, `prepare`), on the same rows:
short messages with a label, a customer as their group, and one in five a repetition, a near-duplicate or an
edited copy of an earlier one. Measured are the processor time of the process (user and system) and its peak
memory.
Bars: a row costs at most 1.3 times what it costs at 10,000 rows, and no step needs more than 1.5 GB. Prints
a table, or one object with `--json`; exits 0 where both bars hold. The start of a process weighs more on few
rows: `less start` is the ratio without it, of a row beyond 10,000 to one between 1,000 and 10,000.

    python benchmarks/scale.py                     # 10,000 and 100,000 rows
    python benchmarks/scale.py --rows 1000000
    python benchmarks/scale.py --steps import,clean
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from narrowcast.testing.edits import EDITS

FEWEST, SMALL = 1_000, 10_000
COST_BAR, PEAK_BAR = 1.3, 1_500
_MAPPING = ("--mapper", "label_to_classification", "--map", "text=text,label=label")
_REPEATED = 0.2
_LABELS, _ROWS_PER_GROUP = 40, 3
_LETTERS = (
    "eeeeeeeeeeeetttttttttaaaaaaaaooooooooiiiiiiinnnnnnnsssssshhhhhhrrrrrrddddllllcccuuummmwwffggyyppbbvk"
)


def write_rows(path: Path, rows: int) -> None:
    """Messages of 6 to 24 made-up words, frequent as words are (Zipf), each label with words of its own."""
    chance = random.Random(11)
    words = ["".join(chance.choices(_LETTERS, k=chance.randint(2, 10))) for _ in range(30_000)]
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(words))))
    topics = [chance.sample(words, 30) for _ in range(_LABELS)]
    edits = list(EDITS.values())
    recent: list[tuple[str, int, str]] = []
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            if recent and chance.random() < _REPEATED:
                text, label, customer = chance.choice(recent)
                if chance.random() < 0.7:
                    text = chance.choice(edits)(text, chance, [each for each, _, _ in recent[:50]])
            else:
                label = chance.randrange(_LABELS)
                count = chance.randint(6, 24)
                drawn = chance.choices(words, cum_weights=weights, k=count)
                for place in range(0, count, 4):
                    drawn[place] = chance.choice(topics[label])
                text = " ".join(drawn).capitalize() + chance.choice(".!?")
                customer = f"c{number // _ROWS_PER_GROUP}"
                entry = (text, label, customer)
                if len(recent) < 5_000:
                    recent.append(entry)
                else:
                    recent[chance.randrange(5_000)] = entry
            row = {"text": text, "label": f"label {label}", "customer": customer}
            file.write(json.dumps(row) + "\n")


def measured(command: Sequence[str], home: Path, log: Path) -> tuple[float, float]:
    """Processor seconds and peak memory in MB of a command, which must succeed."""
    words = [sys.executable, "-m", "narrowcast.cli.main", "--home", str(home), *command]
    with log.open("wb") as output:
        started = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, cwd=home)
        _, status, usage = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {started.returncode}\n{log.read_text()[-2_000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def steps(source: Path) -> dict[str, list[str]]:
    """The command of each step."""
    locator = f"jsonl:{source}"
    return {
        "data import": ["data", "import", "-l", locator, *_MAPPING, "--group", "customer", "--json"],
        "data clean": ["data", "clean", "-l", locator, "--column", "text", "--json"],
        "data dedupe": ["data", "dedupe", "-l", locator, "--column", "text", "--copies", "--json"],
        "prepare": ["prepare", "--json"],
    }


def run(rows: int, folder: Path, wanted: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Processor microseconds per row and peak MB of each step that is wanted; `prepare` takes an import."""
    home = folder / f"home-{rows}"
    home.mkdir()
    source = folder / f"{rows}.jsonl"
    write_rows(source, rows)
    log = folder / "output.txt"
    measured(["init", "scale"], home, log)
    found = {}
    for name, command in steps(source).items():
        needed = name == "data import" and "prepare" in wanted
        if name not in wanted and not needed:
            continue
        start = time.monotonic()
        seconds, peak = measured(command, home, log)
        wall = time.monotonic() - start
        words = f"{name:12} {rows:>9,} rows: {seconds:8.1f} s CPU, {wall:8.1f} s, {peak:6,.0f} MB"
        print(words, file=sys.stderr, flush=True)
        found[name] = (1e6 * seconds / rows, peak)
    return found


def cost(
    none: tuple[float, float], few: tuple[float, float], many: tuple[float, float], rows: int
) -> dict[str, float]:
    """What a row costs, as a ratio too; `less start` is the ratio without the start of a process."""
    first, second, third = none[0] * FEWEST, few[0] * SMALL, many[0] * rows
    early, late = (second - first) / (SMALL - FEWEST), (third - second) / (rows - SMALL)
    return {
        f"us at {SMALL:,}": few[0],
        "us": many[0],
        "ratio": many[0] / few[0],
        "less start": late / early,
        "peak MB": many[1],
    }


def show(found: dict[str, dict[str, float]], rows: int) -> None:
    """Print the table."""
    head = (f"{SMALL:,} rows", f"{rows:,} rows")
    print(f"\n{'µs of CPU per row':18}{head[0]:>16}{head[1]:>16}{'ratio':>8}{'less start':>12}{'peak MB':>9}")
    for name, each in found.items():
        small, large, ratio, further, peak = each.values()
        mark = "" if ratio <= COST_BAR and peak <= PEAK_BAR else "  missed"
        print(f"{name:18}{small:16,.0f}{large:16,.0f}{ratio:8.2f}{further:12.2f}{peak:9,.0f}{mark}")
    print(f"bars: ratio at most {COST_BAR}, peak at most {PEAK_BAR:,} MB")


def _names(text: str) -> list[str]:
    """`import,prepare` as the names of steps."""
    names = {name.split()[-1]: name for name in steps(Path())}
    try:
        return [names[each.strip()] for each in text.split(",")]
    except KeyError as error:
        raise argparse.ArgumentTypeError(f"{error} is none of {', '.join(names)}") from error


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument(
        "--steps", type=_names, default=list(steps(Path())), help="import,clean,dedupe,prepare"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes = (FEWEST, SMALL, arguments.rows)
        none, few, many = (run(rows, Path(folder), arguments.steps) for rows in sizes)
    costs = {name: cost(none[name], few[name], many[name], arguments.rows) for name in many}
    holds = all(each["ratio"] <= COST_BAR and each["peak MB"] <= PEAK_BAR for each in costs.values())
    if arguments.json:
        print(json.dumps({"rows": arguments.rows, "steps": costs, "holds": holds}, indent=2))
    else:
        show(costs, arguments.rows)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
