"""The command line as tests call it: in this process, or in one of its own."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from tests.support.command_lines import mistake_in, next_lines
from tests.support.printed_next_lines import check_next_lines

Completed = subprocess.CompletedProcess[str]
Cli = Callable[..., Completed]
"""`cli("data", "sources", code=0, cwd=None)`; with `code=None` any exit code will do."""

CliJson = Callable[..., Any]
"""The same with `--json`; returns what was printed, parsed."""


def run_here(
    *arguments: str | Path, code: int | None = 0, cwd: Path | None = None, try_next: bool = True
) -> Completed:
    """Run a command line in this process: start-up, signals and terminals are not part of it.

    Each `next:` line that it prints is checked, and run if it only reads (`printed_next_lines`); without
    `try_next`, for a project that is made up, it is only understood.
    """
    with chdir(cwd) if cwd else nullcontext():
        done = _run([str(each) for each in arguments])
        check_next_lines(done.args, done.stdout, done.stderr, _run_alone if try_next else None)
    return _checked(done, code)


def _run(words: list[str]) -> Completed:
    from narrowcast.cli.main import main

    out, err = _stream(), _stream()
    status: Any = 0
    with redirect_stdout(out), redirect_stderr(err), _no_input():
        try:
            main(words)
        except SystemExit as end:
            status = end.code
    return Completed(words, status or 0, _text(out), _text(err))


def _run_alone(words: list[str]) -> Completed:
    """Run a next line; those that it prints itself are understood, and no more."""
    done = _run(words)
    check_next_lines(done.args, done.stdout, done.stderr, None)
    return done


def run_process(
    *arguments: str | Path,
    code: int | None = 0,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 240,
) -> Completed:
    """Run a command line in a process of its own."""
    done = subprocess.run(
        command_line(arguments),
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=env,
        timeout=timeout,
    )
    for line in next_lines(done.stdout + done.stderr):
        assert not mistake_in(line, run=False), f"{line}\n{mistake_in(line, run=False)}"
    return _checked(done, code)


def command_line(arguments: Sequence[str | Path]) -> list[str]:
    """What starts narrowcast with this interpreter."""
    return [sys.executable, "-m", "narrowcast.cli.main", *map(str, arguments)]


def _checked(done: Completed, code: int | None) -> Completed:
    if code is not None:
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def _stream() -> io.TextIOWrapper:
    """Left open: loggers of libraries may have kept it as their standard error."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined]


@contextmanager
def _no_input() -> Iterator[None]:
    """Standard input is empty and no terminal."""
    before, sys.stdin = sys.stdin, io.StringIO()
    try:
        yield
    finally:
        sys.stdin = before
