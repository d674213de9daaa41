"""Boilerplate goes from documents with pages and from web pages; what a cell or a transcript says stays."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli import Cli, CliJson

INTERVIEW = [
    "Interview with a patient", "Do you smoke?", "Yes.", "Any pain at night?", "Yes.", "Do you take aspirin?",
    "Yes.", "How old are you?", "42", "Any allergies?", "Yes.", "How many tablets a day?", "3", "Accept all",
    "Share on Monday",
]  # fmt: skip


def cleaned(cli_json: CliJson, cli: Cli, tmp_path: Path, text: str) -> tuple[str, dict[str, int]]:
    """The text as cleaning leaves it, and what it counted."""
    cli("init", "kept", "--yes")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": text}) + "\n")
    options = ("--pii", "off", "--secrets", "off")
    report = cli_json(
        "data", "clean", "--project", "kept", "--locator", f"jsonl:{tmp_path}/rows.jsonl", *options
    )
    folder = Path(cli_json("projects")[0]["path"]) / report["folder"]
    (row,) = [json.loads(line) for line in (folder / "cleaned.jsonl").read_text().splitlines()]
    return row["text"], report["changes"]


def test_answers_of_an_interview_stay(cli: Cli, cli_json: CliJson, tmp_path: Path) -> None:
    text = "\n\n".join(INTERVIEW)
    assert cleaned(cli_json, cli, tmp_path, text) == (text, {})


def test_a_cell_with_markup_loses_its_markup_alone(cli: Cli, cli_json: CliJson, tmp_path: Path) -> None:
    cell = "".join(f"<p>{line}</p>" for line in INTERVIEW) + '<p><a href="/a">Read the answer</a></p>'
    text, changes = cleaned(cli_json, cli, tmp_path, cell)
    assert text == "\n\n".join([*INTERVIEW, "Read the answer"])
    assert changes == {"html": 1}


def test_page_numbers_and_running_heads_of_pages_go(cli: Cli, cli_json: CliJson, tmp_path: Path) -> None:
    pages = [
        f"ACME Manual\n\nSection {n} explains part {n} of it.\n{40 + n}\nYes.\n42\n\n"
        f"https://acme.org/man {n}/6\n{n + 7}"
        for n in range(1, 7)
    ]
    text, changes = cleaned(cli_json, cli, tmp_path, "\f".join(pages))
    assert changes == {"boilerplate_repeated": 12, "boilerplate_page_number": 6, "page_break": 5}
    assert [line for line in text.split("\n") if line] == [
        line
        for n in range(1, 7)
        for line in (f"Section {n} explains part {n} of it.", f"{40 + n}", "Yes.", "42")
    ]


def test_two_pages_do_not_show_what_comes_back(cli: Cli, cli_json: CliJson, tmp_path: Path) -> None:
    text, changes = cleaned(cli_json, cli, tmp_path, "Yes.\nAnd then?\n1\fYes.\nNothing.\n2")
    assert text == "Yes.\nAnd then?\n1\nYes.\nNothing.\n2"
    assert changes == {"page_break": 1}
