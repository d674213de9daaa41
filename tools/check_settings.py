"""Fail where code below the front doors reads the environment.

    python tools/check_settings.py src/narrowcast

Settings are read once, by the command line or the server, and handed on: a program with two workspaces, or
one that is offline by configuration, could not rely on them otherwise. Allowed are the files below, each with
its reason; a reason that no file needs any more is reported as well.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from outcome import parser, show

FRONT_DOORS = {"cli", "server"}
ALLOWED = {
    "core/settings.py": "reads the environment for everybody",
    "core/locator.py": "replaces ${NAME} in a locator when it is opened, so that no file holds the secret",
    "connectors/bucket.py": "looks where the bucket libraries will connect to, which they read by themselves",
    "connectors/hf.py": "looks at and sets what the hub's libraries read by themselves",
    "jobs/process.py": "a child process inherits the environment, with the settings laid over it",
    "jobs/worker.py": "a child process inherits the environment, with the settings laid over it",
    "models/onnx/runtime.py": "sets what onnxruntime reads by itself",
    "models/packages.py": "pip inherits the environment, with the index laid over it",
    "training/tracking/address.py": "keeps the keys of trackers out of messages",
    "training/tracking/mlflow.py": "looks at and sets what MLflow reads by itself",
    "training/tracking/wandb.py": "looks at what wandb reads by itself",
}


def environment_reads(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of each use of the environment in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr == "from_environment":
            yield node.lineno, "Settings.from_environment"
        elif (
            isinstance(node, ast.Attribute)
            and node.attr in {"environ", "environb", "getenv", "getenvb"}
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        ):
            yield node.lineno, f"os.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            for each in node.names:
                if each.name in {"environ", "environb", "getenv", "getenvb"}:
                    yield node.lineno, f"os.{each.name}"


def main() -> int:
    """Print what reads the environment without leave; 1 where there is anything."""
    options = parser(__doc__)
    options.add_argument("folder", type=Path)
    given = options.parse_args()
    root = given.folder
    problems, used = [], set()
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if inside.parts[0] in FRONT_DOORS:
            continue
        for line, name in environment_reads(path):
            used.add(inside.as_posix())
            if inside.as_posix() not in ALLOWED:
                problems.append(f"{path}:{line}: {name}; take the settings from the caller")
    problems += [
        f"{each} reads no environment; remove it from ALLOWED" for each in sorted(ALLOWED.keys() - used)
    ]
    return show(problems, as_json=given.json, allowed=sorted(used))


if __name__ == "__main__":
    sys.exit(main())
