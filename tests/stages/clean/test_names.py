"""Column names and keys may hold secrets as well: nothing that is kept shows them."""

import json
from pathlib import Path

import pytest

from tests.support.cli import CliJson

KEY = "AKIA" + "4Z7QK2MXV5TNB3RD"
MAIL = "ann.lee@example.org"


@pytest.mark.parametrize("policy", ["redact", "block"])
def test_names_are_redacted_wherever_they_stand(policy: str, tmp_path: Path, cli_json: CliJson) -> None:
    rows = [
        {"text": f"the kettle {n} is late", f"key {KEY}": 1, "meta": [{MAIL: "x", f"{MAIL} ": "y"}]}
        for n in range(3)
    ]
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    cli_json("init", "names")
    report = cli_json("data", "clean", "-p", "names", "--locator", f"jsonl:{source}", "--secrets", policy,
                      "--pii", policy, code=None)  # fmt: skip
    home = tmp_path / "home"
    kept = [
        path.relative_to(home)
        for path in home.rglob("*")
        if path.is_file() and (KEY in (text := path.read_text("utf-8", "replace")) or MAIL in text)
    ]
    assert kept == []
    lines = [line for path in home.rglob("cleaned.jsonl") for line in path.read_text().splitlines()]
    if policy == "redact":
        assert [list(json.loads(line)) for line in lines] == [["text", "key [AWS_ACCESS_KEY]", "meta"]] * 3
        assert [len(json.loads(line)["meta"][0]) for line in lines] == [2] * 3
    else:
        assert not lines
        assert "block" in json.dumps(report) or report["rejected"]


def test_findings_of_columns_that_are_shown_alike_are_all_counted(tmp_path: Path, cli_json: CliJson) -> None:
    row = {"text": "the kettle is late", MAIL: f"write to {MAIL}", "bob@example.org": f"or to {MAIL}"}
    source = tmp_path / "rows.jsonl"
    source.write_text(json.dumps(row) + "\n", encoding="utf-8")
    cli_json("init", "names")
    report = cli_json("data", "clean", "-p", "names", "--locator", f"jsonl:{source}", "--pii", "redact")
    assert report["findings"] == [{"family": "pii", "kind": "EMAIL_ADDRESS", "findings": 4, "rows": 1}]


def test_findings_in_names_are_counted(tmp_path: Path, cli_json: CliJson) -> None:
    rows = [{"text": f"the kettle {n} is late", MAIL: n, "meta": {f"key {KEY}": 1}} for n in range(3)]
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    cli_json("init", "names")
    report = cli_json("data", "clean", "-p", "names", "--locator", f"jsonl:{source}", "--pii", "redact")
    assert report["findings"] == [
        {"family": "pii", "kind": "EMAIL_ADDRESS", "findings": 3, "rows": 3},
        {"family": "secret", "kind": "AWS_ACCESS_KEY", "findings": 3, "rows": 3},
    ]
    assert any("secrets found and kept" in warning for warning in report["warnings"])
    (metadata,) = (tmp_path / "home").rglob("metadata.jsonl")
    first = json.loads(metadata.read_text().splitlines()[0])["findings"]
    assert {(each["where"], each["kind"]) for each in first} == {
        ("name of [EMAIL_ADDRESS]", "EMAIL_ADDRESS"),
        (f"name of key {KEY}", "AWS_ACCESS_KEY"),
    }
