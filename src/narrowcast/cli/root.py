"""The root command for typer: a group whose commands are imported only when they are called."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from narrowcast.cli import state
from narrowcast.cli.commands import COMMANDS
from narrowcast.cli.help_live import draw_help, live_help


class LazyGroup(TyperGroup):
    """A group whose commands are stand-ins until one of them is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, panel, line) in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=line, rich_help_panel=panel)

    def get_help(self, ctx: Any) -> str:
        """The text that `narrowcast --help` prints without loading any of this."""
        return live_help(self, ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put the real command in place of its stand-in, then resolve as usual."""
        if args and args[0] in COMMANDS:
            self.commands[args[0]] = load_command(args[0])
        return super().resolve_command(ctx, args)


# typer has a click of its own; of its exceptions it exports this one.
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


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
    draw_help(command)
    return command


def _version(requested: bool) -> None:
    if requested:
        from narrowcast.version import __version__

        typer.echo(f"narrowcast {__version__}")
        raise typer.Exit


def _root(
    home: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder of the workspace; by default NARROWCAST_HOME, or ~/.narrowcast."
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Remember the global options."""
    state.configure(home=home, debug=debug)


app = typer.Typer(
    cls=LazyGroup,
    help="Compile a narrow task into a small specialist model, and prove that it is worth shipping.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
)
app.callback()(_root)
