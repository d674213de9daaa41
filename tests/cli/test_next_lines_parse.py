"""Every next command that is written in the source is one that the command line understands."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from narrowcast.cli import state
from narrowcast.cli.commands import COMMANDS
from narrowcast.cli.next_command import next_line
from narrowcast.cli.root import load_command
from narrowcast.reasons import REASONS

SOURCE = Path(__file__).resolve().parents[2] / "src" / "narrowcast"
# typer has a click of its own.
_ClickError: type[Exception] = typer.BadParameter.__mro__[1]
_NAMES = {"next_command", "fix"}


def _texts(node: ast.AST) -> Iterator[str]:
    """The texts that an expression may be; what is filled in at run time stands as VALUE."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for each in node.values:
            yield from _texts(each)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(each.value) if isinstance(each, ast.Constant) else "VALUE" for each in node.values)


def _written() -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            place = f"{path.relative_to(SOURCE)}:{node.lineno}"
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            values = [word.value for word in node.keywords if word.arg in _NAMES]
            values += node.args[:1] if name == "next_step" else []
            for value in values:
                for text in _texts(value):
                    if text:
                        yield place, text
    for code, reason in REASONS.items():
        yield f"reason {code}", reason.fix


def _mistake(command: str) -> str:
    words = [each for each in shlex.split(command, comments=True)[1:] if each != "--debug"]
    if words[:1] in (["VALUE"], ["--help"]):
        return ""
    if not words or words[0] not in COMMANDS:
        return "no such command"
    found: Any = load_command(words.pop(0))
    while words and words[0] in getattr(found, "commands", {}):
        found = found.commands[words.pop(0)]
    if getattr(found, "commands", None) and words:
        return f"{words[0]} is no command of the group"
    if "--" in words or words == ["--help"]:
        return ""
    context = found.context_class(found)
    try:
        _, extra, _ = found.make_parser(context).parse_args(list(words))
    except _ClickError as error:
        return str(error)
    return f"words left over: {' '.join(extra)}" if extra else ""


def test_every_written_next_command_is_understood() -> None:
    state.begin(["prepare"])  # what "the same command" is
    wrong = []
    count = 0
    for place, text in _written():
        label, line = next_line(text)
        if label != "next" or not line.startswith("narrowcast ") or line.startswith("narrowcast prepare --"):
            continue
        count += 1
        if mistake := _mistake(line):
            wrong.append(f"{place}: {line}\n    {mistake}")
    assert count > 150
    assert not wrong, "\n" + "\n".join(wrong)
