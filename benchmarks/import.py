"""Import with row ledger from JSONL, beside `datasets.load_dataset("json")`, in one run.

Ours reads, introspects, maps, and writes raw, accepted and rejected rows with their ledger; the peer reads
and writes Arrow. Both run in processes of their own, interleaved, on equal rows like tickets. One in a
hundred is broken for ours; the peer stops at a broken line, so its file has none. Rates are rows per second
of the work itself, start-up excluded; memory is the peak of the process.

Bars: ours imports at least a fifth of the rows that the peer, which only parses, reads in the same time; and
ten times the rows take at most 1.2 times the memory.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

RATE_BAR = 0.2
MEMORY_BAR = 1.2
_OURS = """
import json, resource, sys, time
from pathlib import Path
from narrowcast.core.settings import Settings
from narrowcast.ops.imports import import_rows
from narrowcast.ops.ledger import ledger
from narrowcast.ops.requests import ImportRequest
from narrowcast.pipeline.project import Project
source, home = sys.argv[1:]
project = Project.create(Settings.from_environment({}, home=Path(home)), "bench")
start, cpu = time.perf_counter(), time.process_time()
record = import_rows(project, ImportRequest(locator=f"jsonl:{source}", auto=True)).record
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
assert ledger(project).balanced
rows = {"rows": record.rows, "accepted": record.accepted, "rejected": sum(record.rejected.values())}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({**rows, "seconds": seconds, "cpu": cpu, "peak_kib": peak}))
"""
_PEER = """
import json, os, resource, sys, time
os.environ["HF_HUB_OFFLINE"] = "1"
from datasets import disable_progress_bars, load_dataset
disable_progress_bars()
source, home = sys.argv[1:]
start, cpu = time.perf_counter(), time.process_time()
rows = load_dataset("json", data_files=source, split="train", cache_dir=home).num_rows
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"rows": rows, "seconds": seconds, "cpu": cpu, "peak_kib": peak}))
"""


def write_rows(path: Path, count: int, *, broken: bool) -> None:
    """Rows of about 120 bytes; with `broken`, every hundredth line is cut off."""
    draw = random.Random(7)
    words = [f"word{number}" for number in range(2_000)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            text = f"{' '.join(draw.choices(words, k=12))} {number}"
            line = json.dumps({"text": text, "label": f"label {draw.randrange(40)}"})
            file.write((line[:40] if broken and number % 100 == 99 else line) + "\n")


def measured(script: str, source: Path, folder: Path) -> dict[str, Any]:
    """Run one of the scripts in a process of its own, in an empty folder."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        command = [sys.executable, "-c", script, str(source), home]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(rows: int, repeats: int, folder: Path) -> list[dict[str, Any]]:
    """The three lines of the table."""
    for count in (rows, rows // 10):
        write_rows(folder / f"{count}-broken.jsonl", count, broken=True)
    write_rows(folder / "good.jsonl", rows, broken=False)
    pairs = []
    for _ in range(repeats):
        ours = measured(_OURS, folder / f"{rows}-broken.jsonl", folder)
        pairs.append((ours, measured(_PEER, folder / "good.jsonl", folder)))
    small = measured(_OURS, folder / f"{rows // 10}-broken.jsonl", folder)
    first = pairs[0][0]
    assert first["rows"] == first["accepted"] + first["rejected"] == rows, first
    lines = []
    for name, clock, bar in (("rows/s", "seconds", RATE_BAR), ("rows/s of CPU", "cpu", None)):
        rates = [(one["rows"] / one[clock], other["rows"] / other[clock]) for one, other in pairs]
        ours_rate, peer_rate = (median(values) for values in zip(*rates, strict=True))
        ratio = median(one / other for one, other in rates)
        holds = bar is None or ratio >= bar
        figures = {"ours": round(ours_rate), "peer": round(peer_rate), "ratio": round(ratio, 2)}
        lines.append({"what": f"{name}, {rows:,} rows", **figures, "bar": bar, "holds": holds})
    peak = median(one["peak_kib"] for one, _ in pairs) / 1024
    growth = peak / (small["peak_kib"] / 1024)
    lines.append(
        {
            "what": f"peak MiB, {rows:,} rows (ratio: to {rows // 10:,} rows)",
            "ours": round(peak),
            "peer": round(median(other["peak_kib"] for _, other in pairs) / 1024),
            "ratio": round(growth, 2),
            "bar": MEMORY_BAR,
            "holds": growth <= MEMORY_BAR,
        }
    )
    return lines


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(arguments.rows, arguments.repeats, Path(folder))
    holds = all(row["holds"] for row in rows)
    if arguments.json:
        versions = {"python": platform.python_version(), "datasets": importlib.metadata.version("datasets")}
        print(
            json.dumps({"machine": platform.platform(), "versions": versions, "rows": rows, "holds": holds})
        )
    else:
        print(f"{'what':46} {'ours':>9} {'datasets':>9} {'ratio':>6} {'bar':>7}")
        for row in rows:
            mark = "" if row["holds"] else "  missed"
            bar = row["bar"] if row["bar"] is not None else ""
            print(f"{row['what']:46} {row['ours']:9,} {row['peer']:9,} {row['ratio']:6} {bar!s:>7}{mark}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
