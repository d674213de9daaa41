"""The entry point: a table of commands, each imported only when it is called.

Errors print as two lines, `error: WHAT (WHERE)` and `next: COMMAND`; with `--json` as an object. Exit
codes: 0 done, 1 failed, 2 wrong usage, 3 a gate said no, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from narrowcast.cli import state
from narrowcast.errors import NarrowcastError

# Read by OpenMP when torch is loaded: threads wait for each other by sleeping after a short spin. Where
# another process has one of the cores, long spinning made answers of a small model 10 times slower; a short
# spin makes an idle machine a third faster than none (15 M parameters, two cores).
SPIN_COUNT = "5000"

# name → (module:attribute, help panel, one line of help). The attribute is a function or a typer.Typer.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("narrowcast.cli.demo:demo", "Start", "Take the built-in task through the whole loop, offline."),
    "init": ("narrowcast.cli.projects:init", "Start", "Make a project."),
    "run": ("narrowcast.cli.run:run", "Start", "Take a project through the whole loop."),
    "projects": ("narrowcast.cli.projects:projects", "Start", "List the projects."),
    "migrate": ("narrowcast.cli.projects:migrate", "Start", "Bring an older project to today's format."),
    "data": ("narrowcast.cli.data:app", "Data", "Look at sources, import rows, see the row ledger."),
    "prepare": (
        "narrowcast.cli.prepare:prepare",
        "Data",
        "Split rows into train, dev and test without leaks.",
    ),
    "baseline": ("narrowcast.cli.evaluate:baseline", "Model", "Measure what a fine-tune has to beat."),
    "preflight": ("narrowcast.cli.preflight:preflight", "Model", "Find what stands against a training run."),
    "recipes": ("narrowcast.cli.recipes:app", "Model", "List and show the training recipes."),
    "train": ("narrowcast.cli.train:train", "Model", "Fine-tune a base model."),
    "runs": ("narrowcast.cli.runs:app", "Model", "List and show the training runs."),
    "search": ("narrowcast.cli.search:search", "Model", "Search recipes and bases on dev rows."),
    "rerun": ("narrowcast.cli.rerun:rerun", "Model", "Repeat a run and compare the weights."),
    "eval": ("narrowcast.cli.evaluate:evaluate", "Model", "Measure models on held-out rows."),
    "compare": ("narrowcast.cli.evaluate:compare", "Model", "Compare two models on the same rows."),
    "models": ("narrowcast.cli.models:app", "Model", "List, show and fetch base models."),
    "export": ("narrowcast.cli.export:export", "Ship", "Write a bundle and prove that it is the model."),
    "parity": ("narrowcast.cli.export:parity", "Ship", "Prove an exported file against the trained model."),
    "serve": ("narrowcast.cli.serve:serve", "Ship", "Serve a bundle over the OpenAI protocol."),
    "events": ("narrowcast.cli.audit:events", "Audit", "Show what happened in a project."),
    "audit": ("narrowcast.cli.audit:app", "Audit", "Verify the trail of events."),
    "jobs": ("narrowcast.cli.jobs:app", "Model", "Run long commands as durable jobs."),
    "plugins": ("narrowcast.cli.plugins:plugins", "Audit", "List the installed plug-ins."),
    "doctor": ("narrowcast.cli.doctor:doctor", "Audit", "Check the machine and the installation."),
}


class LazyGroup(TyperGroup):
    """A group whose commands are stand-ins until one of them is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, panel, line) in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=line, rich_help_panel=panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put the real command in place of its stand-in, then resolve as usual."""
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = load_command(args[0])
        return super().resolve_command(ctx, args)


def load_command(name: str) -> Any:
    """The real command behind a name of `COMMANDS`."""
    reference, _, line = COMMANDS[name]
    module, _, attribute = reference.partition(":")
    target = getattr(import_module(module), attribute)
    app = target
    if not isinstance(target, typer.Typer):
        app = typer.Typer(add_completion=False)
        app.command(name, help=target.__doc__ or line)(target)
    command = get_command(app)
    command.name = name
    return command


def _version(requested: bool) -> None:
    if requested:
        from narrowcast.version import __version__

        typer.echo(f"narrowcast {__version__}")
        raise typer.Exit


def _root(
    home: Annotated[
        Path | None, typer.Option(help="The workspace; default NARROWCAST_HOME or ~/.narrowcast.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compile a narrow task into a small language model, and prove that it is worth shipping."""
    state.configure(home=home, debug=debug)


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=True, rich_markup_mode="rich")
app.callback()(_root)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit with its code."""
    args = _as_job(list(sys.argv[1:] if arguments is None else arguments))
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
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
    if isinstance(error, NarrowcastError):
        return error
    from narrowcast.plugins.boundary import plugin_error

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
        print(json.dumps({"error": error.to_dict()}, ensure_ascii=False))  # noqa: T201
        return
    from narrowcast.cli.output import stderr

    stderr.print(f"[bold red]error:[/] {_plain(error)}", soft_wrap=True, highlight=False)
    if error.next_command:
        stderr.print("[bold]next:[/] ", end="")
        stderr.print(error.next_command, markup=False, soft_wrap=True, highlight=False)


def _plain(error: NarrowcastError) -> str:
    from rich.markup import escape

    return escape(" ".join(str(error).splitlines()))


if __name__ == "__main__":
    main()
