"""What `--help` costs beside an empty interpreter: the root (bar 9 times) and every sub-command (14 times).

Processor time of a whole process (user and system), which other processes disturb less than wall time. The
two take turns in the same run; the ratio is that of their medians over `--repeats` runs after one warm-up.
Prints a table, or one object with `--json`; exits 0 where all bars hold.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from statistics import median

ROOT_BAR = 9.0
SUB_BAR = 14.0


def milliseconds(command: list[str]) -> float:
    """Processor time of one run."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return (usage.ru_utime + usage.ru_stime) * 1000


def commands() -> list[list[str]]:
    """The root, each command, and each command of a group."""
    from narrowcast.cli.help import FILE

    return [path.split() for path in json.loads(FILE.read_text(encoding="utf-8"))]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for words in commands():
        bar = SUB_BAR if words else ROOT_BAR
        ours_command = [sys.executable, "-m", "narrowcast.cli.main", *words, "--help"]
        bare_command = [sys.executable, "-c", "pass"]
        milliseconds(ours_command)
        pairs = [(milliseconds(ours_command), milliseconds(bare_command)) for _ in range(arguments.repeats)]
        ours, bare = (median(values) for values in zip(*pairs, strict=True))
        ratio = ours / bare
        rows.append(
            {
                "command": " ".join(["narrowcast", *words, "--help"]),
                "ours": round(ours, 1),
                "peer": round(bare, 1),
                "ratio": round(ratio, 2),
                "bar": bar,
                "holds": ratio <= bar,
            }
        )
    holds = all(row["holds"] for row in rows)
    below = [row["ratio"] for row in rows[1:]]
    figures = {"root": rows[0]["ratio"], "median": round(median(below), 2), "worst": max(below)}
    if arguments.json:
        machine = {"machine": platform.platform(), "versions": {"python": platform.python_version()}}
        print(json.dumps({**machine, "rows": rows, **figures, "holds": holds}))
    else:
        print(f"{'command':44} {'CPU ms':>7} {'bare python':>12} {'ratio':>6} {'bar':>5}")
        for row in rows:
            mark = "" if row["holds"] else "  over"
            print(
                f"{row['command']:44} {row['ours']:7} {row['peer']:12} {row['ratio']:6} {row['bar']:5}{mark}"
            )
        print(f"root {figures['root']}; commands: median {figures['median']}, worst {figures['worst']}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
