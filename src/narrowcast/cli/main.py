"""The entry point: runs a command line, and reports errors.

Errors print as two lines, `error: WHAT (WHERE)` and `next: COMMAND`; with `--json` as an object. Exit
codes: 0 done, 1 failed, 2 wrong usage, 3 a gate said no, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from narrowcast.cli.commands import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narrowcast.errors import NarrowcastError

# Read by OpenMP when torch is loaded: threads wait for each other by sleeping after a short spin. Where
# another process has one of the cores, long spinning made answers of a small model 10 times slower; a short
# spin makes an idle machine a third faster than none (15 M parameters, two cores).
SPIN_COUNT = "5000"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _print_anything()
    try:
        _run(given)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # a panic of a library written in Rust is no `Exception`
        from narrowcast.cli import state

        if state.debug():
            raise
        from narrowcast.plugins.boundary import reported_error

        reported = reported_error(error)
        # Of several processes that train together, the first alone prints a document.
        _report(reported, as_json="--json" in given and os.environ.get("RANK", "0") == "0")
        sys.exit(reported.exit_code)


def _run(given: list[str]) -> None:
    if _answered(given):
        return
    import logging

    import typer
    from typer.main import get_command

    from narrowcast.cli import state
    from narrowcast.cli.root import USAGE_ERROR, app

    args = _as_job(given)
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    logging.raiseExceptions = False  # a library's log record that cannot be formatted would print a traceback
    state.begin(args)
    _refuse_undecodable(args)
    try:
        code = get_command(app).main(args=args, prog_name="narrowcast", standalone_mode=False)
    except (USAGE_ERROR, typer.Abort) as error:
        from narrowcast.cli.mistakes import unread

        raise unread(error, args) from None
    if code:
        sys.exit(code)


def _answered(given: list[str]) -> bool:
    """Answer from the file of helps, without typer, where that is enough."""
    from narrowcast.cli.help import group_help, requested_help, unknown_command

    job = "--job" in given and "--help" in given
    text = requested_help([word for word in given if word != "--job"] if job else given)
    if text is not None:
        _print_help(text)
        return True
    text = group_help(given)
    if text is not None:
        sys.stderr.write(text)
        sys.exit(2)
    unknown = unknown_command(given)
    if unknown is not None:
        from narrowcast.cli.mistakes import no_such_command

        error = no_such_command(*unknown)
        _report(error, as_json="--json" in given)
        sys.exit(error.exit_code)
    return False


def _print_help(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # `narrowcast train --help | head` has read enough; Python would flush once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _print_anything() -> None:
    """Let output hold what its encoding lacks, such as half of a surrogate pair from a row, as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _refuse_undecodable(args: list[str]) -> None:
    """A name that is not UTF-8 can be opened, but not recorded: it is refused before anything is done."""
    from narrowcast.faults import undecodable

    named = [("an argument", each) for each in args]
    named += [(name, value) for name, value in os.environ.items() if name.startswith("NARROWCAST_")]
    named += [("the current folder", str(Path.cwd()))]
    for what, text in named:
        if any("\ud800" <= each <= "\udfff" for each in text):
            raise undecodable(what, text)


def _as_job(args: list[str]) -> list[str]:
    """`train ... --job` is `jobs submit -- train ...`; root options, project and --json stay outside."""
    start = next((place for place, word in enumerate(args) if word in COMMANDS), None)
    if start is None or args[start] == "jobs" or "--job" not in args[start:]:
        return args
    command = [word for word in args[start:] if word != "--job"]
    own = []
    for name in ("--project", "-p"):
        if name in command[:-1]:
            own += [name, command[command.index(name) + 1]]
    if "--json" in command:
        own.append("--json")
    return [*args[:start], "jobs", "submit", *own, "--", *command]


def _report(error: NarrowcastError, *, as_json: bool) -> None:
    if as_json:
        import json

        from narrowcast.cli.next_command import next_line

        plain = error.to_dict()
        plain["actionable_fix"] = next_line(error.next_command)[1] if error.next_command else ""
        sys.stdout.write(json.dumps({"error": plain}, ensure_ascii=False) + "\n")
        return
    from narrowcast.cli.help import colour
    from narrowcast.cli.next_command import next_line
    from narrowcast.faults import printable

    red, bold, plain_style = ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") if colour(sys.stderr) else ("", "", "")
    lines = [f"{red}error:{plain_style} {printable(' '.join(error.sentence.splitlines()))}"]
    lines += [f"  {printable(' '.join(detail.splitlines()))}" for detail in error.details]
    if error.next_command:
        label, line = next_line(error.next_command)
        lines.append(f"{bold}{label}:{plain_style} {printable(line)}")
    sys.stderr.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
