"""Fail if a locator or a model reference takes too many hops through the code.

    python tools/count_walks.py [--show]

Real commands run in this process on small projects. A hop is a call into a function of ours that carries the
thing: as text or as a path, in an argument or in its fields and elements, four levels deep, as they are when
the function is called. Where the thing is opened (a file, a database, a process on a file), the hops of the
functions that have not returned are its walk. It begins in the command: `cli/main.py` has a command line, and
no locator yet. The longest walk of a thing counts.

Walked are the kinds of sources that are read from the disk, and `gguf:` among the references. A join is not:
it holds two locators, which its connector opens and not the command. `run:` is not: it needs a training run.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from inspect import CO_VARARGS, CO_VARKEYWORDS
from io import StringIO
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from outcome import parser, show

SOURCE = Path(__file__).resolve().parents[1] / "src" / "narrowcast"
MOST_HOPS = {"locator": 10, "model reference": 8}

_OPENINGS = ("open", "sqlite3.connect", "subprocess.Popen")
_DEPTH = 4
_ELEMENTS = 100
_PARTS_OF_FUNCTIONS = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<module>")

Rows = Sequence[tuple[str, str]]


@dataclass
class Walk:
    """The longest walk of one thing.

    Attributes:
        name: how the report calls it.
        mark: a text that is in the thing and in nothing else.
        source: the folder with our code.
        hops: `file:function`, in the order of the calls.
    """

    name: str
    mark: str
    source: Path = SOURCE
    hops: list[str] = field(default_factory=list)
    _carrying: dict[FrameType, str] = field(default_factory=dict)
    _names: dict[CodeType, str] = field(default_factory=dict)

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Follow the thing through the calls of the block."""
        _followed.append(self)
        sys.setprofile(self._called)
        try:
            yield
        finally:
            sys.setprofile(None)
            _followed.remove(self)

    def _called(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            if frame.f_code not in self._names:
                self._names[frame.f_code] = self._name(frame.f_code)
            name = self._names[frame.f_code]
            if name and carries(_arguments(frame), self.mark):
                self._carrying[frame] = name
        elif event == "return":
            self._carrying.pop(frame, None)

    def _name(self, code: CodeType) -> str:
        """`file:function`; empty if the code is not a function of ours."""
        path = Path(code.co_filename)
        if not path.is_relative_to(self.source) or code.co_name in _PARTS_OF_FUNCTIONS:
            return ""
        file = path.relative_to(self.source).as_posix()
        return "" if file == "cli/main.py" else f"{file}:{code.co_qualname}"

    def opened(self, arguments: tuple[Any, ...]) -> None:
        """Keep the walk to this opening if the thing is opened and no walk was longer."""
        if not carries(arguments, self.mark):
            return
        hops = []
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if frame in self._carrying:
                hops.append(self._carrying[frame])
            frame = frame.f_back
        if len(hops) > len(self.hops):
            self.hops = hops[::-1]


_followed: list[Walk] = []


def watch_openings() -> None:
    """Tell the walks that are followed of whatever is opened, from now on."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _OPENINGS:
            for walk in _followed:
                walk.opened(arguments)

    sys.addaudithook(hook)


def carries(value: Any, mark: str, depth: int = _DEPTH + 1) -> bool:
    """Whether a value is, or holds, a text or path with the mark."""
    if isinstance(value, str | Path):
        return mark in str(value)
    if depth == 0 or isinstance(value, type | bytes | int | float):
        return False
    return any(carries(part, mark, depth - 1) for part in _parts(value))


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [part for pair in list(value.items())[:_ELEMENTS] for part in pair]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)[:_ELEMENTS]
    if type(value).__module__.startswith("narrowcast"):
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        return [*getattr(value, "__dict__", {}).values(), *(getattr(value, name, None) for name in slots)]
    return []


def _arguments(frame: FrameType) -> list[Any]:
    """The arguments of a call, and what the function has from the one around it."""
    code, local = frame.f_code, frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & CO_VARARGS) + bool(code.co_flags & CO_VARKEYWORDS)
    return [local[name] for name in (*code.co_varnames[:count], *code.co_freevars) if name in local]


def _run(*arguments: str, code: int = 0) -> None:
    """Run a command in this process.

    Raises:
        RuntimeError: if it ends in another code, because a walk that was cut short says nothing.
    """
    from narrowcast.cli.main import main

    ended: Any = 0
    with redirect_stdout(StringIO()) as said, redirect_stderr(said):
        try:
            main(arguments)
        except SystemExit as end:
            ended = end.code or 0
    if ended != code:
        raise RuntimeError(
            f"narrowcast {' '.join(arguments)} ended in {ended}, not {code}:\n{said.getvalue()}"
        )


def _rows() -> Rows:
    draw = random.Random(1)
    words = [f"{a}{b}{c}" for a in "bdfglm" for b in "aeiou" for c in "nrst"]
    return [(" ".join(draw.sample(words, 8)), draw.choice("xyz")) for _ in range(40)]


def _write_csv(path: Path, rows: Rows) -> None:
    lines = ["text,label", *(f"{text},{label}" for text, label in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")


def _write_jsonl(path: Path, rows: Rows) -> None:
    lines = (f'{{"text": "{text}", "label": "{label}"}}' for text, label in rows)
    path.write_text("\n".join(lines), encoding="utf-8")


def _write_parquet(path: Path, rows: Rows) -> None:
    import polars as pl

    pl.DataFrame(rows, schema=["text", "label"], orient="row").write_parquet(path)


def _write_database(path: Path, rows: Rows) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE tickets (text, label)")
        database.executemany("INSERT INTO tickets VALUES (?, ?)", rows)


def _write_documents(path: Path, rows: Rows) -> None:
    path.mkdir()
    for number, (text, _) in enumerate(rows):
        (path / f"{number}.txt").write_text(text, encoding="utf-8")


_AUTO = ("--auto",)
# Locator, what writes the source, and how its mapping is found.
_SOURCES: dict[str, tuple[Callable[[Path, Rows], None], tuple[str, ...]]] = {
    "csv:{path}": (_write_csv, _AUTO),
    "file:{path}": (_write_csv, _AUTO),
    "jsonl:{path}": (_write_jsonl, _AUTO),
    "parquet:{path}": (_write_parquet, _AUTO),
    "sql:sqlite:///{path}?table=tickets": (_write_database, _AUTO),
    "docs:{path}": (_write_documents, ("--mapper", "text_only", "--map", "text=text")),
}


def _walks(folder: Path) -> Iterator[tuple[str, Walk]]:
    """Kind and walk of each thing."""
    for locator, (write, mapping) in _SOURCES.items():
        scheme = locator.partition(":")[0]
        walk = Walk(scheme, f"walked-{scheme}")
        write(folder / walk.mark, _rows())
        _run("init", scheme)
        with walk.followed():
            source = locator.format(path=folder / walk.mark)
            _run("data", "import", "--locator", source, *mapping, "--project", scheme, "--json")
        yield "locator", walk
    weights = folder / "walked-model.gguf"
    weights.write_bytes(b"GGUF" + bytes(64))
    _run("prepare", "--project", "csv", "--json")
    walk = Walk("gguf", weights.name)
    with walk.followed():  # the file is not a model; its process says so after it began
        _run("eval", f"gguf:{weights}", "--project", "csv", "--json", code=1)
    yield "model reference", walk


def main() -> int:
    """Print the length of each walk, with its hops if they are too many or `--show` asks for them."""
    options = parser(__doc__)
    options.add_argument("--show", action="store_true", help="print the hops of every walk")
    given = options.parse_args()
    for name in [name for name in os.environ if name.startswith("NARROWCAST_")]:
        del os.environ[name]
    watch_openings()
    walks, problems, lines = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NARROWCAST_HOME"] = f"{folder}/home"
        for kind, walk in _walks(Path(folder)):
            most = MOST_HOPS[kind]
            held = 0 < len(walk.hops) <= most
            walks.append({"kind": kind, "name": walk.name, "most": most, "hops": walk.hops})
            line = f"{kind} {walk.name}: {len(walk.hops)} hops, at most {most}"
            hops = [f"  {number:2} {hop}" for number, hop in enumerate(walk.hops, 1)]
            if held:
                lines += [line, *(hops if given.show else [])]
            else:
                problems.append("\n".join([line, *hops]))
    return show(problems, "\n".join(lines), as_json=given.json, walks=walks)


if __name__ == "__main__":
    sys.exit(main())
