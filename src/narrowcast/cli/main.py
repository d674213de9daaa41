"""The entry point: runs a command line, and reports errors.

Errors print as two lines, `error: WHAT (WHERE)` and `next: COMMAND`; with `--json` as an object. Exit
codes: 0 done, 1 failed, 2 wrong usage, 3 a gate said no, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
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
    if given == ["--help"]:  # the one call that needs no command, so nothing else is loaded for it
        from narrowcast.cli.root_help import root_help

        sys.stdout.write(root_help())
        sys.exit(0)
    _run(_as_job(given))


def _run(args: list[str]) -> None:
    from typer.main import get_command

    from narrowcast.cli import state
    from narrowcast.cli.root import app

    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    state.begin(args)
    try:
        get_command(app).main(args=args, prog_name="narrowcast")
    except Exception as error:
        known = _known(error)
        if known is None or state.debug():
            raise
        # Of several processes that train together, the first alone prints a document.
        _report(known, as_json="--json" in args and os.environ.get("RANK", "0") == "0")
        sys.exit(known.exit_code)


def _known(error: Exception) -> NarrowcastError | None:
    """The error to report: ours, or one that names the plug-in whose code raised a foreign exception."""
    from narrowcast.errors import NarrowcastError
    from narrowcast.plugins.boundary import plugin_error

    if isinstance(error, NarrowcastError):
        return error
    return plugin_error(error)


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
        print(json.dumps({"error": plain}, ensure_ascii=False))  # noqa: T201
        return
    from narrowcast.cli.output import next_step, stderr

    stderr.print(f"[bold red]error:[/] {_plain(error)}", soft_wrap=True, highlight=False)
    if error.next_command:
        next_step(error.next_command, stderr)


def _plain(error: NarrowcastError) -> str:
    from rich.markup import escape

    return escape(" ".join(str(error).splitlines()))


if __name__ == "__main__":
    main()
