"""Fail where a function takes more than eight parameters or has more than sixty lines.

What is still over a limit is listed with its figures; an entry may only shrink, and goes when it is within.
"""

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


def main(folder: str, known_file: str) -> int:
    """Print what is over a limit and not listed, or grew, or is listed for nothing; 1 where there is any."""
    over = {
        name: size
        for name, size in functions(Path(folder)).items()
        if size[0] > MOST_PARAMETERS or size[1] > MOST_LINES
    }
    lines = [line.split() for line in Path(known_file).read_text(encoding="utf-8").splitlines() if line]
    known = {name: (int(parameters), int(length)) for name, parameters, length in lines}
    problems = [
        f"{name}: {parameters} parameters (at most {MOST_PARAMETERS}), {length} lines (at most {MOST_LINES})"
        for name, (parameters, length) in over.items()
        if parameters > known.get(name, (MOST_PARAMETERS, 0))[0]
        or length > max(MOST_LINES, known.get(name, (0, 0))[1])
    ]
    problems += [f"{name}: within the limits; remove it from {known_file}" for name in known.keys() - over]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
