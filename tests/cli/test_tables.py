"""Tables on a narrow terminal: what is copied or compared stays whole."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from narrowcast.cli import output

_CLI = Path(output.__file__).parent


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.console, "_width", 80)


def test_ids_and_figures_are_not_cut_for_a_long_path(
    narrow: None, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = [(name, "right") for name in ("rows", "accepted", "rejected")]
    path = "csv:/data/tickets/2026/11/" + "part-" * 12 + "train.csv"
    cells = ("imp-9885f369", path, "label_to_classification", "split by prepare", "12,500", "12,499", "1")
    output.table(["import", "source", "mapper", "into", *numbers], [cells])
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    for whole in ("imp-9885f369", "12,500", "12,499", "prepare", "rejected"):
        assert whole in printed
    assert path in re.sub(r"\s", "", "".join(line[15:29] for line in printed.splitlines()[3:]))


def test_a_table_that_fits_is_as_wide_as_its_cells(narrow: None, capsys: pytest.CaptureFixture[str]) -> None:
    output.table(["run", ("rows", "right")], [("exp-2f8b8100bf", "300")])
    assert " exp-2f8b8100bf    300" in capsys.readouterr().out


def test_a_table_too_narrow_for_its_words_shows_all_of_them(
    narrow: None, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [chr(ord("a") + number) * 20 for number in range(9)]
    output.table([f"c{number}" for number in range(9)], [cells])
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    for number, cell in enumerate(cells):
        assert printed.count(cell[0]) - (number == 2) >= 20


def _calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a function in the command line, with its place."""
    for path in sorted(_CLI.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", getattr(node.func, "attr", "")) == name
            ):
                yield f"{path.name}:{node.lineno}", node


def test_every_column_has_a_heading() -> None:
    tables = list(_calls("table"))
    assert len(tables) > 20
    blank = [place for place, call in tables for each in ast.walk(call.args[0]) if _is_empty(each)]
    assert not blank


def _is_empty(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == ""
