"""What a killed process leaves is swept by the next command, outside the project as well."""

from __future__ import annotations

from pathlib import Path

from narrowcast.store.leftovers import mark
from tests.support.cli import Cli

DEAD = "99999999-0123abcd"  # no such process


def test_what_was_to_be_the_memory_of_a_trail_is_swept(cli: Cli, tmp_path: Path) -> None:
    cli("init", "task")
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\n" + "".join(f"text number {n},{'ab'[n % 2]}\n" for n in range(30)))
    memory = next(path for path in tmp_path.rglob("trails/*.json") if not path.name.startswith("."))
    own = memory.with_name(f".{memory.name}.{DEAD}.abcd1234.part")
    others = memory.with_name(f".0000000000000000.json.{DEAD}.abcd1234.part")
    living = memory.with_name(f"{mark(memory.name)}abcd1234.part")
    for path in (own, others, living):
        path.write_text("{")
    cli("data", "import", "--locator", f"csv:{rows}", "--auto")
    assert not own.exists()
    assert others.exists()  # of a project that nobody works on now
    assert living.exists()  # this process may still be writing it
    assert memory.exists()
