"""Fuzz every door that data, models and requests come through: `make fuzz`.

An input is small and damaged, or made to be odd: a source of any connector with its locator and mapping, a
folder of documents, a model folder, a GGUF file, a chat template, a `narrowcast.yaml`, a raw HTTP request.
It is run in a child process, by the command line, the Python API or HTTP on loopback. What counts as a
problem: a traceback or an error without a reason code; rows read that are not accepted + rejected; a
temporary file, a lock, a marker or rows without a record that are left over; a trail that does not verify;
more than 60 seconds of the processor; a process that dies.

Each input follows from the seed and its number. Outcomes are logged, so that a second call goes on where the
first one stopped; `--again` begins anew. A failing input is kept in a file for `--replay FILE`.

Exits with 1 where there was a problem, or more than 1 % of the refusals have a generic reason code.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fuzz.drive import drive, keep
from tests.fuzz.kinds import KINDS
from tests.fuzz.table import meets_the_bars, table


def main() -> int:
    """Parse the command line, run, print the table."""
    options = _parser().parse_args()
    state = options.state
    if options.again:
        shutil.rmtree(state, ignore_errors=True)
    for folder in (state, Path(options.scratch or state)):
        folder.mkdir(parents=True, exist_ok=True)
    seeds = prepare_seeds(state)
    child = [str(seeds), str(options.seed), options.only, options.scratch]
    if options.replay:
        found = list(drive(child, [{"file": str(each)} for each in options.replay], 1))
        for each in found:
            print(json.dumps(each, indent=1))
        return 0 if meets_the_bars(found) else 1
    log = state / f"seed-{options.seed}{options.only and '-' + options.only.replace(' ', '')}.jsonl"
    done = {each["number"]: each for each in _logged(log)}
    with log.open("a", encoding="utf-8") as file:
        for each in drive(child, _left(options, set(done)), options.processes):
            if each["problem"]:
                keep(each, state / "failing", options.seed, seeds, options.only)
                print(
                    f"{each['problem']}: input {each['number']} ({each['kind']}): {each['note'][:300]}",
                    file=sys.stderr,
                )
            file.write(json.dumps(each) + "\n")
            file.flush()
            done[each["number"]] = each
    found = [done[number] for number in sorted(done) if number < options.inputs]
    print(f"seed {options.seed}: {len(found):,} of {options.inputs:,} inputs\n\n{table(found)}")
    return 0 if meets_the_bars(found) else 1


def prepare_seeds(state: Path) -> Path:
    """A good model, as a folder and as a GGUF file; made once."""
    from narrowcast.models.gguf.writer import write_gguf
    from narrowcast.testing.tiny import build_tiny_model

    seeds = state / "seeds"
    if not (seeds / "model.gguf").exists():
        build_tiny_model(seeds / "model")
        write_gguf(seeds / "model", seeds / "model.gguf", "f16")
    return seeds


def _left(options: argparse.Namespace, done: set[int]) -> Iterator[dict[str, Any]]:
    until = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    for number in range(options.inputs):
        if time.monotonic() >= until:
            return
        if number not in done:
            yield {"number": number}


def _logged(log: Path) -> Iterator[dict[str, Any]]:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    yield from map(json.loads, lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--inputs", type=int, default=20_000, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="of all choices")
    parser.add_argument("--processes", type=int, default=2, help="children at a time")
    parser.add_argument("--minutes", type=float, help="stop after so long; the next call goes on")
    parser.add_argument("--only", default="", choices=["", *KINDS], help="one kind of input")
    parser.add_argument(
        "--state", type=Path, default=Path("build/fuzz"), help="folder of logs and failing inputs"
    )
    parser.add_argument("--scratch", default="", help="folder for temporary files, for example one in memory")
    parser.add_argument("--again", action="store_true", help="forget earlier calls")
    parser.add_argument(
        "--replay",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="run inputs that were kept, and print what is seen",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
