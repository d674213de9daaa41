"""Kill commands at random moments: `make kills`.

Every command that writes is run once to its end on a tiny project; what it found is kept, and how long it
took. Then, a hundred times, one of them begins again in a process of its own from what it found, and gets
SIGKILL (three times of four), SIGTERM or SIGINT at a random moment. Afterwards the trail has to verify, the
same command has to end rightly, the ledger has to balance and to equal that of the undisturbed command, and
nothing may be left over: a temporary file or folder, a marker, rows without a record, a process.

Exits with 1 where something of this does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.commands import COMMANDS, Command, Place
from tests.fuzz.place import CACHE, LEFT, stray_rows
from tests.support.cli import run_here
from tests.support.kills import done_in_a_child, ended_after

_SIGNALS = [signal.SIGKILL] * 6 + [signal.SIGTERM, signal.SIGINT]
_LONGEST = 300.0
_AT_ONCE = "right after it"


@dataclass(frozen=True)
class Prepared:
    """A command with what it finds.

    Attributes:
        number: its place in `COMMANDS`; a copy of the workspace before it is in `found-NUMBER`.
        words: its command line with names put in.
        seconds: it took.
        ledger: after it.
    """

    number: int
    words: list[str]
    seconds: float
    ledger: Any

    @property
    def command(self) -> Command:
        """As it is defined."""
        return COMMANDS[self.number]


class Kills:
    """Runs commands in children that share what this process has loaded."""

    def __init__(self, root: Path, base: Path) -> None:
        self.place = Place(root, base)
        self._said = root / "said.json"

    def prepare(self) -> list[Prepared]:
        """Run every command once, and keep what each found; an earlier call may have begun with this."""
        log = self.place.root / "prepared.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        prepared = [Prepared(**json.loads(line)) for line in lines]
        for number, command in enumerate(COMMANDS):
            found = self._found(number)
            self.place.kept[command.name] = found
            if number < len(prepared):
                continue
            if found.exists():
                self._restore(found)
            else:
                command.before(self.place)
                shutil.copytree(self.place.root / "work", self.place.root / "copy", symlinks=True)
                (self.place.root / "copy").rename(found)
            words = self._words(command, command.words)
            begin = time.monotonic()
            code, said = self._run(words)
            if code != 0:
                raise SystemExit(f"{words} ended with {code} undisturbed: {said}")
            prepared.append(Prepared(number, words, time.monotonic() - begin, self._ledger()))
            with log.open("a") as file:
                file.write(json.dumps(asdict(prepared[-1])) + "\n")
            print(
                f"undisturbed {number:3}  {' '.join(words)[:80]:82}{prepared[-1].seconds:6.1f}s", flush=True
            )
        return prepared

    def _found(self, number: int) -> Path:
        return self.place.root / f"found-{number}"

    def kill(self, each: Prepared, number: signal.Signals, share: float) -> tuple[str, list[str]]:
        """One kill after a share of its time: how the process ended, and what is wrong afterwards."""
        self._restore(self._found(each.number))
        code, outliving = ended_after(each.seconds * share, lambda: self._here(each.words), number)
        wrong = [f"processes outlived it: {outliving}"] if outliving else []
        how = "killed" if code is None else f"exit {code}"
        said = self._said.read_text() if code is not None and self._said.exists() else ""
        if "Traceback" in said or "system_unexpected" in said:
            wrong.append(f"a traceback after {number.name}: {said[-1500:]}")
        if self.place.project.joinpath("registry").is_dir():
            wrong += self._verified(_AT_ONCE)
        wrong += self._again(each)
        wrong += self._verified("at the end")
        if (ledger := self._ledger()) != each.ledger:
            wrong.append(f"another ledger: {ledger}")
        return how, [*wrong, *self._left()]

    def close(self) -> None:
        """Stop the teacher."""
        self.place.server.close()

    def _again(self, each: Prepared) -> list[str]:
        code, said = self._run(each.words)
        if code and each.command.then and "training_interrupted_run" in said:
            code, said = self._run(self._words(each.command, each.command.then))
        refused = code and not any(f'"{known}"' in said for known in each.command.done)
        return (
            [f"again: exit {code}: {said[-1500:]}"] if code is None or refused or "Traceback" in said else []
        )

    def _verified(self, when: str) -> list[str]:
        code, said = self._run(["audit", "verify", "-p", str(self.place.project), "--json"])
        older = when == _AT_ONCE and "written by an older version" in said  # `migrate` has not begun
        return [f"audit verify {when}: exit {code}: {said[-800:]}"] if code and not older else []

    def _ledger(self) -> Any:
        code, said = self._run(["data", "ledger", "-p", str(self.place.project), "--json"])
        found = json.loads(said.partition("\n\0")[0]) if not code else said
        return found if code or found["balanced"] else f"not balanced: {said}"

    def _left(self) -> list[str]:
        work = self.place.root / "work"
        left = [path for path in work.rglob("*") if LEFT.fullmatch(path.name)]
        left += [path for path in self.place.temporary.iterdir() if not path.name.startswith(CACHE)]
        left += (self.place.project / "registry" / "running").glob("*.json")
        left += stray_rows(self.place.project)
        return [f"left over: {', '.join(map(str, left))}"] if left else []

    def _restore(self, found: Path) -> None:
        for folder in (self.place.root / "work", self.place.temporary):
            shutil.rmtree(folder, ignore_errors=True)
        self._said.unlink(missing_ok=True)
        shutil.copytree(found, self.place.root / "work", symlinks=True)
        self.place.temporary.mkdir()

    def _words(self, command: Command, words: Sequence[str]) -> list[str]:
        project, imported = str(self.place.project), self._newest("imports.jsonl", "id")
        named = {"project": project, "rows": str(self.place.rows), "work": str(self.place.root / "work")}
        named |= {"run": self._newest("runs.jsonl", "run_id"), "import": imported, "row": f"{imported}:3"}
        put = [word.format(**named) for word in words]
        own = ["-p", project] if command.project else []
        place = put.index("--") if "--" in put else len(put)
        json_too = [] if put[:2] == ["jobs", "worker"] else ["--json"]
        return [*put[:place], *own, *json_too, *put[place:]]

    def _newest(self, registry: str, name: str) -> str:
        path = self.place.project / "registry" / registry
        lines = path.read_text().splitlines() if path.exists() else []
        return str(json.loads(lines[-1])[name]) if lines else ""

    def _run(self, words: Sequence[str]) -> tuple[int | None, str]:
        """Exit code, and what was printed: standard output, a mark, standard error."""
        self._said.unlink(missing_ok=True)
        code = done_in_a_child(lambda: self._here(words), _LONGEST)
        return code, self._said.read_text() if self._said.exists() else ""

    def _here(self, words: Sequence[str]) -> None:
        tempfile.tempdir = None  # read anew in each child
        done = run_here(*words, code=None, cwd=self.place.root)
        self._said.write_text(f"{done.stdout}\n\0{done.stderr}")
        raise SystemExit(done.returncode)


def main() -> int:
    """Parse the command line, kill, print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz.kills", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--kills", type=int, default=int(os.environ.get("NARROWCAST_KILLS", "100")))
    parser.add_argument("--seed", type=int, default=1, help="of commands, signals and moments")
    parser.add_argument("--minutes", type=float, help="stop after so long; the next call goes on")
    parser.add_argument("--state", type=Path, default=Path("build/kills"), help="of the project and the log")
    parser.add_argument("--again", action="store_true", help="forget earlier calls")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    root = options.state.absolute()
    if options.again:
        shutil.rmtree(root, ignore_errors=True)
    _load()
    from narrowcast.testing.tiny import build_tiny_model

    if not (base := root / "base").exists():
        build_tiny_model(base)
    kills, log = Kills(root, base), root / f"seed-{options.seed}.jsonl"
    found = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    try:
        prepared = kills.prepare()
        random.Random(options.seed).shuffle(prepared)
        while len(found) < options.kills and time.monotonic() < until:
            draw = random.Random(f"{options.seed}:{len(found)}")
            each = prepared[len(found) % len(prepared)]
            sent = draw.choice(_SIGNALS)
            how, wrong = kills.kill(each, sent, draw.random())
            found.append([each.command.name, sent.name, how, wrong])
            with log.open("a") as file:
                file.write(json.dumps(found[-1]) + "\n")
            words = " ".join(each.words)[:60]
            print(f"{len(found):4}  {words:62}{sent.name:9}{how:9}{'; '.join(wrong)[:600]}", flush=True)
    finally:
        kills.close()
    print(f"\nseed {options.seed}: {len(found)} of {options.kills} kills\n\n{table(found)}")
    return 1 if any(wrong for *_, wrong in found) else 0


def table(found: Sequence[Sequence[Any]]) -> str:
    """One line for each command, and the sums."""
    heads = ("runs", "SIGKILL", "SIGTERM", "SIGINT", "ended first", "problems")
    lines = [f"{'command':20}" + "".join(f"{head:>12}" for head in heads)]
    for name in [*dict.fromkeys(each[0] for each in found), "all"]:
        rows = [each for each in found if name in ("all", each[0])]
        sent = Counter(row[1] for row in rows if row[2] != "exit 0")
        counts = [len(rows), *(sent[each] for each in ("SIGKILL", "SIGTERM", "SIGINT"))]
        counts += [sum(row[2] == "exit 0" for row in rows), sum(bool(row[3]) for row in rows)]
        lines.append(f"{name:20}" + "".join(f"{count:12}" for count in counts))
    return "\n".join(lines)


def _load() -> None:
    """Whatever takes long to import, once for all children."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["COLUMNS"] = "120"
    import sklearn.linear_model  # noqa: F401
    import transformers  # noqa: F401

    import narrowcast.training.trainer  # noqa: F401


if __name__ == "__main__":
    sys.exit(main())
