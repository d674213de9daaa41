"""What `--help` costs beside an empty interpreter: the root (bar 9 times) and every sub-command (14 times).

So do a group without a command, and a command that does not exist, which have the bar of a sub-command.

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


def milliseconds(command: list[str], code: int = 0) -> float:
    """Processor time of one run, which has to end with this exit code."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != code:
        raise subprocess.CalledProcessError(process.returncode, command)
    return (usage.ru_utime + usage.ru_stime) * 1000


def lines() -> list[tuple[list[str], int]]:
    """Command lines with their exit codes: every help, every group without a command, unknown commands."""
    from narrowcast.cli.help import FILE

    pages = json.loads(FILE.read_text(encoding="utf-8"))
    found = [([*path.split(), "--help"], 0) for path in pages]
    found += [(path.split(), 2) for path, page in pages.items() if page["needs_command"]]
    return [*found, (["trian"], 2), (["data", "imprt"], 2), (["data", "imprt", "--json"], 2)]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for words, code in lines():
        bar = SUB_BAR if words not in ([], ["--help"]) else ROOT_BAR
        ours_command = [sys.executable, "-m", "narrowcast.cli.main", *words]
        bare_command = [sys.executable, "-c", "pass"]
        milliseconds(ours_command, code)
        pairs = [
            (milliseconds(ours_command, code), milliseconds(bare_command)) for _ in range(arguments.repeats)
        ]
        ours, bare = (median(values) for values in zip(*pairs, strict=True))
        ratio = ours / bare
        rows.append(
            {
                "command": " ".join(["narrowcast", *words]),
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
