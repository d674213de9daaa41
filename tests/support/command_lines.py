"""Whether a written command is one that the command line understands: its name, its options, their values."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from functools import cache
from typing import Any

import typer

from narrowcast.cli.commands import COMMANDS
from narrowcast.cli.root import load_command

# typer has a click of its own.
_ClickError: type[Exception] = typer.BadParameter.__mro__[1]
_ROOT = {"--home": 2, "--debug": 1}
_ALONE = {"--help", "--version"}
# Commands that do their work without a project.
_WITHOUT_PROJECT = ("serve --api", "init", "demo", "models pull", "jobs worker")
_NEXT = re.compile(r"^next: (narrowcast .*)$", re.MULTILINE)


def next_lines(printed: str) -> list[str]:
    """The commands that `next:` lines name, comments included."""
    return _NEXT.findall(printed)


def mistake_in(command: str, *, run: bool = True) -> str:
    """What the command line objects to before it does anything; empty if nothing.

    Args:
        command: with `narrowcast` in front.
        run: also run it, to see whether it takes the values of its options. The workspace must be empty: a
            command that has no mistake then ends for want of a project.
    """
    words = shlex.split(command, comments=True)
    while words and "=" in words[0]:
        del words[0]
    if words[:1] != ["narrowcast"]:
        return "not a command of narrowcast"
    return _mistake(words[1:], run=run)


def _mistake(words: list[str], *, run: bool) -> str:
    while words and words[0] in _ROOT:
        del words[: _ROOT[words[0]]]
    if len(words) == 1 and words[0] in _ALONE:
        return ""
    if not words or words[0] not in COMMANDS:
        return "no such command"
    own, steps = _steps(words)
    found = [*(mistake for step in steps if (mistake := _mistake(step, run=run)))]
    if found:
        return found[0]
    words = [*own, "--", *steps[0]] if steps else own
    name, whole = words[0], list(words)
    del words[0]
    command = loaded(name)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    if getattr(command, "commands", None) and words and not words[0].startswith("-"):
        return f"{words[0]} is no command of the group"
    if "--help" in words:
        return ""
    try:
        command.make_context(name, words)
    except _ClickError as error:
        return str(error)
    if not run or " ".join(whole).startswith(_WITHOUT_PROJECT):
        return ""
    from tests.support.cli import run_here

    said = run_here(*whole, code=None).stderr
    return said if "wrong options" in said or "is not a command" in said else ""


def _steps(words: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """A command of `jobs`, and the commands after each `--`; `--job` makes a step of its command."""
    if "--job" in words and words[0] != "jobs":
        return ["jobs", "submit"], [[each for each in words if each != "--job"]]
    parts: list[list[str]] = [[]]
    for word in words:
        parts.append([]) if word == "--" else parts[-1].append(word)
    return parts[0], parts[1:]


@cache
def loaded(name: str) -> Any:
    """A command, loaded once."""
    return load_command(name)
