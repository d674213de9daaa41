"""How long `--help` takes: the root (bar 250 ms) and every sub-command (bar 400 ms).

Wall time of a whole process, interleaved with a bare interpreter start; the figure is the median of
`--repeats` runs after one warm-up. Prints a table, or one object with `--json`; exits 0 where all bars hold.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from statistics import median

ROOT_BAR_MS = 250
SUB_BAR_MS = 400


def milliseconds(command: list[str]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000


def commands() -> list[list[str]]:
    """The root, each command, and each command of the two groups."""
    from narrowcast.cli.main import COMMANDS, load_command

    found: list[list[str]] = [[]]
    for name in COMMANDS:
        found.append([name])
        command = load_command(name)
        found.extend([name, sub] for sub in getattr(command, "commands", {}))
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for words in commands():
        bar = SUB_BAR_MS if words else ROOT_BAR_MS
        ours_command = [sys.executable, "-m", "narrowcast.cli.main", *words, "--help"]
        bare_command = [sys.executable, "-c", "pass"]
        milliseconds(ours_command)
        pairs = [(milliseconds(ours_command), milliseconds(bare_command)) for _ in range(arguments.repeats)]
        ours, bare = (median(values) for values in zip(*pairs, strict=True))
        ratio = median(one / other for one, other in pairs)
        rows.append(
            {
                "command": " ".join(["narrowcast", *words, "--help"]),
                "ours": round(ours, 1),
                "peer": round(bare, 1),
                "ratio": round(ratio, 2),
                "bar": bar,
                "holds": ours <= bar,
            }
        )
    holds = all(row["holds"] for row in rows)
    if arguments.json:
        versions = {"python": platform.python_version()}
        print(
            json.dumps({"machine": platform.platform(), "versions": versions, "rows": rows, "holds": holds})
        )
    else:
        print(f"{'command':44} {'ms':>7} {'bare python':>12} {'ratio':>6} {'bar':>5}")
        for row in rows:
            mark = "" if row["holds"] else "  over"
            print(
                f"{row['command']:44} {row['ours']:7} {row['peer']:12} {row['ratio']:6} {row['bar']:5}{mark}"
            )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
