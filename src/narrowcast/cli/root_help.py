"""The help of the root command, written from the table of commands.

Neither typer nor rich is loaded for it: with them it took eleven times as long as an empty interpreter.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from narrowcast.cli.commands import ABOUT, COMMANDS, ROOT_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDEST = 100  # columns, of every help text
_NARROWEST = 40


def root_help() -> str:
    """Usage, options, and the commands by panel."""
    width = _width()
    panels: dict[str, list[tuple[str, str]]] = {}
    for name, (_, panel, line) in COMMANDS.items():
        panels.setdefault(panel, []).append((name, line))
    parts = ["Usage: narrowcast [OPTIONS] COMMAND [ARGS]...", "\n".join(_wrapped(ABOUT, width))]
    for title, rows in [("Options", list(ROOT_OPTIONS.items())), *panels.items()]:
        parts.append("\n".join([f"{title}:", *_columns(rows, width)]))
    return "\n\n".join(parts) + "\n"


def _columns(rows: list[tuple[str, str]], width: int) -> Iterable[str]:
    indent = 4 + max(len(name) for name, _ in rows)
    for name, text in rows:
        first, *rest = _wrapped(text, width - indent)
        yield f"  {name}".ljust(indent) + first
        for line in rest:
            yield " " * indent + line


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters, longer words apart; textwrap would load `re`."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and len(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _width() -> int:
    """Of the terminal, within bounds; 80 columns where there is none."""
    given = os.environ.get("COLUMNS", "")
    try:
        columns = int(given) if given.isdecimal() else os.get_terminal_size().columns
    except OSError:
        columns = 80
    return max(_NARROWEST, min(columns, WIDEST))
