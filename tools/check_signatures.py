"""Fail where a function takes more than eight parameters or has more than sixty lines."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from outcome import parser, show

MOST_PARAMETERS = 8
MOST_LINES = 60


def functions(folder: Path) -> dict[str, tuple[int, int]]:
    """`file:line:function` to its parameters (without `self`) and lines (docstring included)."""
    sizes: dict[str, tuple[int, int]] = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = node.args
                named = [
                    each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
                ]
                parameters = len([name for name in named if name not in ("self", "cls")])
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                sizes[f"{path.relative_to(folder)}:{node.lineno}:{node.name}"] = (parameters, lines)
    return sizes


def main() -> int:
    """Print what is over a limit; 1 where there is anything."""
    options = parser(__doc__)
    options.add_argument("folder", type=Path)
    given = options.parse_args()
    sizes = functions(given.folder)
    over = [
        f"{name}: {parameters} parameters (at most {MOST_PARAMETERS}), {length} lines (at most {MOST_LINES})"
        for name, (parameters, length) in sizes.items()
        if parameters > MOST_PARAMETERS or length > MOST_LINES
    ]
    return show(over, as_json=given.json, functions=len(sizes))


if __name__ == "__main__":
    sys.exit(main())
