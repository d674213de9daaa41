"""The root command for typer: a group whose commands are imported only when they are called."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from narrowcast.cli import state
from narrowcast.cli.commands import ABOUT, COMMANDS, ROOT_OPTIONS
from narrowcast.cli.root_help import WIDEST, root_help


class LazyGroup(TyperGroup):
    """A group whose commands are stand-ins until one of them is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, panel, line) in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=line, rich_help_panel=panel)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the interface of click
        """The text that `narrowcast --help` prints without loading any of this."""
        formatter.write(root_help())

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
    _plain_help(command)
    return command


def _plain_help(command: Any) -> None:
    """Let the help be plain text, like that of the root: rich and what it loads took half of the time."""
    command.rich_markup_mode = None
    for each in command.params:
        if each.param_type_name == "argument":
            each.display_type_rich = _no_type
    for each in getattr(command, "commands", {}).values():
        _plain_help(each)


def _no_type(ctx: Any) -> None:
    """What the help prints after the name of an argument: nothing, where typer has `<str>`."""


def _version(requested: bool) -> None:
    if requested:
        from narrowcast.version import __version__

        typer.echo(f"narrowcast {__version__}")
        raise typer.Exit


def _root(
    home: Annotated[Path | None, typer.Option(help=ROOT_OPTIONS["--home"])] = None,
    debug: Annotated[bool, typer.Option("--debug", help=ROOT_OPTIONS["--debug"])] = False,
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help=ROOT_OPTIONS["--version"])
    ] = False,
) -> None:
    """Remember the global options."""
    state.configure(home=home, debug=debug)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    context_settings={"max_content_width": WIDEST},
)
app.callback(help=ABOUT)(_root)
