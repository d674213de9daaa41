"""Every next command that the source writes, found in its syntax: no run has to print it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from narrowcast.cli.commands import COMMANDS
from narrowcast.cli.next_command import next_line
from narrowcast.reasons import REASONS

_SOURCE = Path(__file__).resolve().parents[2] / "src" / "narrowcast"
_NAMES = {"next_command", "fix", "next"}
_COMMAND = re.compile(rf"`?narrowcast (?:--\w+ )?(?:VALUE|{'|'.join(COMMANDS)})\b")


def written_next_lines() -> dict[str, list[str]]:
    """Each line for a shell as `next:` prints it, without its comment, and the places that write it.

    What is filled in at run time stands as VALUE. Advice that no shell can run is left out.
    """
    found: dict[str, list[str]] = {}
    for place, text in _written():
        label, line = next_line(text)
        if label == "next" and line.startswith("narrowcast "):
            found.setdefault(line.partition("   # ")[0], []).append(place)
    return found


def _written() -> Iterator[tuple[str, str]]:
    for path in sorted(_SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = {text for node in ast.walk(tree) for text in _of_call(node)}
        texts |= {text for text in _literals(tree) if _COMMAND.match(text)}
        for text in sorted(texts):
            yield str(path.relative_to(_SOURCE)), text
    for code, reason in REASONS.items():
        yield f"reason {code}", reason.fix


def _of_call(node: ast.AST) -> Iterator[str]:
    """What a call of an error, of a finding or of `next_step` says to run."""
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        for value in [word.value for word in node.keywords if word.arg in _NAMES]:
            yield from _texts(value)
        if name == "next_step" and node.args:
            yield from _texts(node.args[0])


def _texts(node: ast.AST) -> Iterator[str]:
    """The texts that an expression may be."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for each in node.values:
            yield from _texts(each)
    elif isinstance(node, ast.Constant | ast.JoinedStr) and (text := _text(node)):
        yield text


def _literals(node: ast.AST) -> Iterator[str]:
    """Every text below a node, except docstrings; a helper or a table may hold what an error says."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.Constant | ast.JoinedStr):
            yield _text(child)
        else:
            yield from _literals(child)


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(str(each.value) if isinstance(each, ast.Constant) else "VALUE" for each in node.values)
