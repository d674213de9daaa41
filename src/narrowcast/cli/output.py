"""What people and programs see: tables and sentences on a terminal, one JSON document with `--json`."""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from narrowcast.faults import printable

# A pipe or a log file has no width of its own; 80 columns would cut paths and figures.
_WIDTH = None if os.isatty(1) or "COLUMNS" in os.environ else 120

_WHOLE = 30  # columns; longer words, such as paths, may be cut to keep the others whole

# No emoji: `hf:ID:SPLIT` is a locator, not a picture.
console = Console(width=_WIDTH, highlight=False, emoji=False)
stderr = Console(stderr=True, width=_WIDTH, highlight=False, emoji=False)


def emit(value: Any, as_json: bool, render: Callable[[], None]) -> None:
    """Print `value` as one JSON document, or let `render` print it for people.

    `value` is a pydantic model or plain data.
    """
    if not as_json:
        render()
        return
    plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
    typer.echo(json.dumps(plain, ensure_ascii=False, indent=2, default=str))


def table(
    columns: Sequence[str | tuple[str, str]], rows: Iterable[Sequence[object]], *, title: str | None = None
) -> None:
    """Print a table; a column is a heading or (heading, `left` | `right` | `center`)."""
    grid = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        heading, justify = (column, "left") if isinstance(column, str) else column
        grid.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    cells = [[cell if isinstance(cell, Text) else Text(printable(str(cell))) for cell in row] for row in rows]
    for line in cells:
        grid.add_row(*line)
    _fit(grid, cells)
    console.print(grid)


def _fit(grid: Table, cells: Sequence[Sequence[Text]]) -> None:
    """Set the widths of a table that is too wide, so that words (ids, labels, figures) are cut last.

    Rich narrows the widest columns whatever they hold, and would break an id that is to be copied.
    """
    heads = [Text(str(column.header)) for column in grid.columns]
    columns = [list(column) for column in zip(heads, *cells, strict=True)]
    lengths = [[line.cell_len for cell in column for line in cell.split()] for column in columns]
    widths = [max(each, default=0) for each in lengths]
    if sum(widths) + 3 * len(widths) <= console.width:
        return
    grid.padding = (0, 1, 0, 0)
    words = [[cell_len(word) for cell in column for word in cell.plain.split()] for column in columns]
    least = [min(_WHOLE, max(each, default=0)) for each in words]
    room = console.width - 2 * len(widths)
    for floor in (least, [1] * len(widths)):
        while sum(widths) > room and any(map(operator.gt, widths, floor)):
            wide = [number for number, width in enumerate(widths) if width > floor[number]]
            widths[max(wide, key=widths.__getitem__)] -= 1
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = width


def say(text: str) -> None:
    """One line for people; rich markup is honoured."""
    console.print(printable(text))


def command(text: str) -> None:
    """A command below the line that says what it is for; it runs as printed."""
    from narrowcast.cli.next_command import next_line

    console.print(f"    {next_line(text)[1]}", markup=False, soft_wrap=True, highlight=False)


def next_step(command: str, to: Console = console) -> None:
    """What to run next, as a line that runs as printed (`narrowcast.cli.next_command`)."""
    from narrowcast.cli.next_command import next_line

    label, line = next_line(command)
    to.print(f"[bold]{label}:[/] ", end="")
    to.print(line, markup=False, soft_wrap=True, highlight=False)
