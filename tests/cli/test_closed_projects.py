"""Each command closes the project that it opens."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from narrowcast.cli import state

_CLI = Path(state.__file__).parent


def test_each_project_is_opened_by_a_with_statement() -> None:
    calls = list(_opened())
    assert len(calls) > 30
    assert not [place for place, closed in calls if not closed]


def _opened() -> Iterator[tuple[str, bool]]:
    """Each call of `open_project`, and whether it is the subject of a with statement."""
    for path in sorted(_CLI.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        closed = {
            id(call) for node in ast.walk(tree) for subject in _subjects(node) for call in ast.walk(subject)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node) == "open_project":
                yield f"{path.name}:{node.lineno}", id(node) in closed


def _subjects(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.With):
        yield from (each.context_expr for each in node.items)
    elif (
        isinstance(node, ast.FunctionDef) and node.name == "_place"
    ):  # its callers give it to a with statement
        yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))
