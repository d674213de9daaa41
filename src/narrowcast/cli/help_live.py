"""The help of a command as typer knows it: what `help.json` is written from, and what typer prints itself."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from narrowcast.cli.help import Page, Row, Section, help_text

_WHOLE = 500  # characters of a sub-command's line: more than any has


def draw_help(command: Any) -> None:
    """Let a command and those below it print the same help as `narrowcast.cli.help`; rich is not loaded."""
    command.rich_markup_mode = None
    command.get_help = functools.partial(live_help, command)
    for each in command.params:
        if each.param_type_name == "argument":
            each.display_type_rich = _no_type
            each.get_usage_pieces = functools.partial(_usage, each)
    for each in getattr(command, "commands", {}).values():
        draw_help(each)


def live_help(command: Any, context: Any) -> str:
    """The help of a command that is loaded."""
    return help_text(context.command_path, live_page(command, context)).rstrip("\n")


def live_page(command: Any, context: Any) -> Page:
    """What typer knows of a command."""
    text = inspect.cleandoc(command.help or "").partition("\f")[0]
    parameters = command.get_params(context)
    sections: dict[str, list[Row]] = {}
    for parameter in sorted(parameters, key=lambda each: each.param_type_name):  # arguments first
        record = parameter.get_help_record(context)
        if record is not None:
            sections.setdefault(f"{parameter.param_type_name.capitalize()}s", []).append(_row(*record))
    commands = getattr(command, "commands", {})
    if not commands and _can_be_a_job(context.command_path.split()):
        # `narrowcast.cli.main` takes it out of the line before typer sees it.
        sections["Options"].insert(-1, _row("--job", "Submit the command as a job, and return immediately."))
    for name, each in commands.items():
        row = _row(name, each.get_short_help_str(_WHOLE))
        sections.setdefault(each.rich_help_panel or "Commands", []).append(row)
    return Page(
        usage=" ".join(command.collect_usage_pieces(context)),
        about=[" ".join(each.split()) for each in text.split("\n\n") if each.strip()],
        sections=[Section(title=title, rows=rows) for title, rows in sections.items()],
        commands=list(commands),
        needs_command=bool(commands) and command.no_args_is_help,
        options={
            name: not parameter.is_flag
            for parameter in parameters
            if parameter.param_type_name == "option"
            and (not parameter.is_eager or "--help" in parameter.opts)
            for name in (*parameter.opts, *parameter.secondary_opts)
        },
    )


def _can_be_a_job(path: list[str]) -> bool:
    from narrowcast.jobs.control import COMMANDS

    return len(path) > 1 and path[1] in COMMANDS


def _row(label: str, text: str) -> Row:
    """Typer writes the notes of a parameter in brackets, two spaces behind its text."""
    said, _, notes = text.removesuffix("]").partition("  [") if text.endswith("]") else (text, "", "")
    return Row(label=label, text=" ".join(said.split()), notes=notes.split("; ") if notes else [])


def _no_type(ctx: Any) -> None:
    """What the help prints after the name of an argument: nothing, where typer has `<str>`."""


def _usage(argument: Any, ctx: Any) -> list[str]:  # noqa: ARG001 - the interface of typer
    """What the usage says of an argument: `ROW` where it is needed; typer has `{ROW}`."""
    name = argument.display_name_raw
    return [(name if argument.required else f"[{name}]") + ("..." if argument.nargs != 1 else "")]
