"""Fail where a function takes more than eight parameters or has more than sixty lines."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

MOST_PARAMETERS = 8
MOST_LINES = 60


def functions(folder: Path) -> dict[str, tuple[int, int]]:
    """`file:function` to its parameters (without `self`) and lines (docstring included)."""
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
                sizes[f"{path.relative_to(folder)}:{node.name}"] = (parameters, lines)
    return sizes


def main(folder: str) -> int:
    """Print what is over a limit; 1 where there is anything."""
    over = {
        name: size
        for name, size in functions(Path(folder)).items()
        if size[0] > MOST_PARAMETERS or size[1] > MOST_LINES
    }
    for name, (parameters, length) in over.items():
        print(
            f"{name}: {parameters} parameters (at most {MOST_PARAMETERS}), "
            f"{length} lines (at most {MOST_LINES})"
        )
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
