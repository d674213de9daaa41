"""Count the hops of a locator and of a model reference through the house.

The real command runs in this process on a small project. When the thing is opened (the source's file, the
process of the model's file), the call stack is read: each function of ours that has the thing in an argument
is a hop. An argument has it as a string or path, or in a field or element, to a depth of four. The longest
chain of hops is the walk; it is printed and compared with its limit. `--report` prints without failing.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

_SOURCE = str(Path(__file__).resolve().parents[1] / "src" / "narrowcast")
_COMMAND_LINE = f"{_SOURCE}/cli/main.py"  # the walk begins in the command itself
_DEPTH = 4
_ELEMENTS = 100


@dataclass
class Walk:
    """What is followed, from which command to which event of the interpreter."""

    name: str
    mark: str
    event: str
    limit: int
    chain: list[str] = field(default_factory=list)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Read the stack where the event opens the thing; keep the longest chain."""
        if event != self.event or (event == "open" and self.mark not in str(arguments[0])):
            return
        chain = [hop for frame in _frames() if (hop := _hop(frame, self.mark))]
        if len(chain) > len(self.chain):
            self.chain = chain[::-1]


def carries(value: Any, mark: str, depth: int = _DEPTH) -> bool:
    """Whether a value is, or holds, a text with the mark."""
    if isinstance(value, str | Path):
        return mark in str(value)
    if depth == 0 or isinstance(value, type | bytes | int | float):
        return False
    return any(carries(each, mark, depth - 1) for each in _parts(value))


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())[:_ELEMENTS]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)[:_ELEMENTS]
    if type(value).__module__.startswith("narrowcast"):
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        return [*getattr(value, "__dict__", {}).values(), *(getattr(value, name, None) for name in slots)]
    return []


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _hop(frame: FrameType, mark: str) -> str | None:
    code = frame.f_code
    ours = code.co_filename.startswith(_SOURCE) and code.co_filename != _COMMAND_LINE
    if not ours or code.co_name.startswith("<"):
        return None
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if not any(carries(frame.f_locals.get(name), mark) for name in names):
        return None
    return f"{code.co_filename[len(_SOURCE) + 1 :]}:{code.co_qualname}"


def _run(*arguments: str) -> int:
    from narrowcast.cli.main import main

    try:
        main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _rows() -> str:
    draw = random.Random(1)
    words = [f"{a}{b}{c}" for a in "bdfglm" for b in "aeiou" for c in "nrst"]
    lines = [f"{' '.join(draw.sample(words, 8))},{draw.choice('xyz')}" for _ in range(120)]
    return "text,label\n" + "\n".join(lines) + "\n"


def _measure(walks: list[Walk], folder: Path) -> None:
    source, model = walks
    watched: list[Callable[[str, tuple[Any, ...]], None]] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "subprocess.Popen"):
            for see in watched:
                see(event, arguments)

    sys.addaudithook(hook)
    rows, weights = folder / f"{source.mark}.csv", folder / f"{model.mark}.gguf"
    rows.write_text(_rows(), encoding="utf-8")
    weights.write_bytes(b"GGUF" + bytes(64))
    _run("init", "walks")
    watched[:] = [source.see]
    _run("data", "import", "--locator", f"csv:{rows}", "--auto", "--json")
    watched[:] = []
    _run("prepare", "--json")
    watched[:] = [model.see]
    _run("eval", f"gguf:{weights}", "--json")  # the file is not a model; its process says so after it began
    watched[:] = []


def main(arguments: list[str]) -> int:
    """Print both walks; 1 where one is longer than its limit or was not seen."""
    walks = [
        Walk("a locator through `narrowcast data import`", "walked-source", "open", 10),
        Walk("a model reference through `narrowcast eval`", "walked-model", "subprocess.Popen", 8),
    ]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NARROWCAST_HOME"] = f"{folder}/home"
        quiet = os.dup(1)
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 1)
            try:
                _measure(walks, Path(folder))
            finally:
                os.dup2(quiet, 1)
    good = True
    for walk in walks:
        held = 0 < len(walk.chain) <= walk.limit
        good = good and held
        print(f"{walk.name}: {len(walk.chain)} hops, at most {walk.limit}{'' if held else '  <- too many'}")
        print(*(f"  {number:2} {hop}" for number, hop in enumerate(walk.chain, 1)), sep="\n")
    return 0 if good or "--report" in arguments else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
