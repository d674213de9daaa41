"""Redaction leaves no unredacted copy unasked; cleaning names those that the project has."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli, CliJson

ADDRESS = "anna.meyer@posteo.de"


@pytest.fixture
def source(tmp_path: Path, cli: Cli) -> str:
    cli("init", "copies", "--yes")
    rows = [{"text": f"Write to {ADDRESS} about chair {n}.", "label": "ab"[n % 2]} for n in range(20)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"text": "' + ADDRESS + "\n")
    return f"jsonl:{path}"


def holders(cli_json: CliJson) -> set[str]:
    """Files of the project that hold the address."""
    root = Path(cli_json("projects")[0]["path"])
    files = [path for path in root.rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix() for path in files if ADDRESS.encode() in path.read_bytes()}


def clean(cli_json: CliJson, source: str, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = cli_json("data", "clean", "-p", "copies", "--locator", source, *options)
    return found


@pytest.mark.parametrize("policy", ["redact", "block"])
def test_redaction_leaves_no_copy_unasked(policy: str, source: str, cli_json: CliJson) -> None:
    report = clean(cli_json, source, "--pii", policy)
    assert report["findings"] or report["ledger"]["rejected"]
    assert holders(cli_json) == set()
    assert report["unredacted_copies"] == []


def test_originals_are_kept_where_nothing_is_hidden_or_where_asked(source: str, cli_json: CliJson) -> None:
    plain = clean(cli_json, source)
    assert f"{plain['folder']}/original.jsonl" in holders(cli_json)
    assert plain["unredacted_copies"] == []
    asked = clean(cli_json, source, "--pii", "redact", "--keep-originals")
    named = {each["path"] for each in asked["unredacted_copies"]}
    assert named == {plain["folder"], f"{asked['folder']}/original.jsonl"}


def test_every_copy_is_named_with_a_command_that_removes_it(
    source: str, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    cli("data", "import", "-p", "copies", "--locator", source, "--map", "text=text,label=label", "--auto")
    plain = clean(cli_json, source)
    root = Path(cli_json("projects")[0]["path"])
    cleaned = f"jsonl:{root}/{plain['folder']}/cleaned.jsonl"
    cli("data", "import", "-p", "copies", "--locator", cleaned, "--map", "text=text,label=label", "--auto")
    done = cli("data", "clean", "-p", "copies", "--locator", source, "--pii", "redact", "--keep-originals")
    lines = [line.strip() for line in done.stdout.splitlines()]
    commands = [lines[place + 1] for place, line in enumerate(lines) if line.startswith("unredacted")]
    assert len(commands) == 4
    for command in commands:
        words = shlex.split(command)
        if words[0] == "rm":
            Path(words[-1]).unlink()
        else:
            cli(*words[1:])
    assert holders(cli_json) == set()
    assert "cleaning_removed" in {each["reason_code"] for each in cli_json("events", "-p", "copies")}
    missing = cli("data", "cleanings", "-p", "copies", "--remove", "cln-00000000", code=None)
    assert missing.returncode
    assert "narrowcast data cleanings" in missing.stderr
