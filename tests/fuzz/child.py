"""The process that runs inputs: reads numbers or files on standard input, writes outcomes on standard output.

A limit of processor time is set anew for each input. The kernel ends a process that exceeds it, which the
parent sees; nothing here could stop a loop in foreign code.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

CPU_SECONDS = 60
_MEMORY = 8 << 30


def main(root: Path, seeds: Path, seed: int, only: str) -> None:
    """Run what the parent asks for until it closes the pipe."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is not an outcome
    os.environ.update(COLUMNS="120", OMP_NUM_THREADS="1", NARROWCAST_ACTOR="fuzz", HF_HOME=str(root / "hf"))
    os.environ.update(
        HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_ETAG_TIMEOUT="5", HF_DATASETS_CACHE=str(root / "hf")
    )
    from tests.connectors.test_hf import HubHandler
    from tests.fuzz.kinds import RUNS, make
    from tests.fuzz.place import Place, cpu_seconds
    from tests.fuzz.record import Input, Outcome

    _build_commands_once()
    place = Place(root, seeds)
    os.environ["HF_ENDPOINT"] = place.sites.offer(HubHandler, {}).url
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    with ExitStack() as ended:
        ended.callback(place.close)
        for line in sys.stdin:
            asked = json.loads(line)
            if "file" in asked:
                kind, given = "replay", Input.read(Path(asked["file"]))
            else:
                kind, given = make(seed, asked["number"], seeds, only)
            outcome, before = Outcome(), cpu_seconds()
            _limit()
            with place.ready(given):
                RUNS[given.kind](place, given, outcome)
                outcome.cpu += cpu_seconds() - before
                if outcome.cpu > CPU_SECONDS:
                    outcome.found("hang", f"{outcome.cpu:.0f} seconds of the processor")
                place.inspect(outcome)
            out.write(json.dumps({**asked, "kind": kind, **outcome.to_dict()}) + "\n")
            out.flush()


def _build_commands_once() -> None:
    """Half of the time of a small import is typer's, which builds every command of a group anew."""
    import typer.main

    from narrowcast.cli import root as cli_root

    typer.main.get_command = lru_cache(typer.main.get_command)
    cli_root.load_command = lru_cache(cli_root.load_command)


def _limit() -> None:
    """End this process after so many more seconds of the processor."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(
        resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS + 1, resource.RLIM_INFINITY)
    )


if __name__ == "__main__":
    _folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=sys.argv[4] or None))
    try:
        main(_folder, Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    finally:
        shutil.rmtree(_folder, ignore_errors=True)
