"""Fail where a file outside `narrowcast.store` reads or writes a stored format by itself.

    python tools/check_store.py src/narrowcast

The store owns every format below a project's `registry/` and `data/`. Elsewhere, no function may take a path
of these folders from `ProjectPaths` and hand it to a reader or writer of files: it calls the store instead.
The check looks at each function: one that both names such a path and calls `read_json`, `write_jsonl`, `open`
and the like is reported, unless it is listed below with its reason. The list may only become shorter.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from outcome import parser, show

FOLDERS = {
    "registry", "imports", "datasets", "run_index", "stage_records", "running", "spool", "events",
    "events_head", "format", "raw", "accepted", "rejected", "cleaned", "prepared", "evaluation",
}  # fmt: skip
CALLS = {
    "read_json", "write_json", "read_jsonl", "write_jsonl", "append_jsonl", "write_text", "write_bytes",
    "read_text", "read_bytes", "open", "unlink", "atomic_writer", "atomic_folder", "rename", "replace",
}  # fmt: skip
OWNER = "store"


def raw_uses(path: Path) -> Iterator[tuple[int, str]]:
    """Functions of a file that name a stored path and touch a file: line and name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef):
            continue
        names = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute) and _of_paths(each)}
        if names and any(_touches(each) for each in ast.walk(node)):
            yield node.lineno, f"{node.name} ({', '.join(sorted(names))})"


def _of_paths(node: ast.Attribute) -> bool:
    """`project.imports`, `paths.imports` or `ctx.project.imports`: an attribute of a `ProjectPaths`."""
    if node.attr not in FOLDERS:
        return False
    owner = node.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return name in {"paths", "project", "scratch"}


def _touches(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    if name == "open" and isinstance(function, ast.Attribute):
        owner = function.value
        return not (isinstance(owner, ast.Name) and owner.id in {"Project", "tarfile"})
    return name in CALLS


def main() -> int:
    """Print what is not allowed; 1 where there is anything, or an exception nobody needs any more."""
    options = parser(__doc__)
    options.add_argument("folder", type=Path)
    given = options.parse_args()
    root = given.folder
    allowed = dict(_read_allowed(Path(__file__).with_name("store_exceptions.txt")))
    found = {}
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if inside.parts[0] == OWNER or inside.as_posix() == "core/paths.py":
            continue
        for line, function in raw_uses(path):
            found[f"{inside.as_posix()}:{function.partition(' ')[0]}"] = f"{path}:{line}: {function}"
    problems = [
        f"{found[key]} touches a stored format; call narrowcast.store instead"
        for key in sorted(found.keys() - allowed.keys())
    ]
    problems += [
        f"{key} needs no exception any more; remove it from tools/store_exceptions.txt"
        for key in sorted(allowed.keys() - found.keys())
    ]
    return show(problems, as_json=given.json, exceptions=sorted(allowed))


def _read_allowed(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, reason = line.partition(" ")
            yield key, reason.strip()


if __name__ == "__main__":
    sys.exit(main())
