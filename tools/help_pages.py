"""Writes `src/narrowcast/cli/help.json`, from which the help of every command is drawn, or compares it."""

from __future__ import annotations

import json
from typing import Any

from typer.main import get_command

from narrowcast.cli.commands import COMMANDS
from narrowcast.cli.help import FILE, Page
from narrowcast.cli.help_live import live_page
from narrowcast.cli.root import app, load_command
from outcome import parser, show


def pages() -> dict[str, Page]:
    """What typer knows of each command, by its names; those of the root are empty."""
    found: dict[str, Page] = {}
    _add(found, "", get_command(app))
    for name in COMMANDS:
        _add(found, name, load_command(name))
    return found


def _add(found: dict[str, Page], path: str, command: Any) -> None:
    found[path] = live_page(command, command.context_class(command, info_name=f"narrowcast {path}".rstrip()))
    if path:  # those of the root are stand-ins
        for name, each in getattr(command, "commands", {}).items():
            _add(found, f"{path} {name}", each)


def render(found: dict[str, Page]) -> str:
    """The pages as JSON with a line for each row, so that a difference shows what changed."""
    return "{\n" + ",\n".join(f" {_json(path)}: {_page(page)}" for path, page in found.items()) + "\n}\n"


def _page(page: Page) -> str:
    sections = [
        f'   {{"title": {_json(section["title"])}, "rows": [\n'
        + ",\n".join(f"    {_json(row)}" for row in section["rows"])
        + "\n   ]}"
        for section in page["sections"]
    ]
    entries = {name: _json(value) for name, value in page.items()}
    entries["sections"] = "[\n" + ",\n".join(sections) + "\n  ]"
    return "{\n" + ",\n".join(f'  "{name}": {text}' for name, text in entries.items()) + "\n }"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def main() -> int:
    """Write the file, or compare it."""
    arguments = parser(__doc__)
    arguments.add_argument("--check", action="store_true", help="write nothing; fail where the file is stale")
    given = arguments.parse_args()
    found = pages()
    text = render(found)
    if not given.check:
        FILE.write_text(text, encoding="utf-8")
    current = FILE.is_file() and FILE.read_text(encoding="utf-8") == text
    problems = (
        [] if current else [f"{FILE.name} is not what the commands say: run python tools/help_pages.py"]
    )
    return show(problems, f"{len(found)} pages of help", as_json=given.json, pages=len(found))


if __name__ == "__main__":
    raise SystemExit(main())
