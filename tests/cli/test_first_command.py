"""Where nothing was made yet, every command names the first one that can run, not the next in the chain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Cli, CliJson
from tests.support.command_lines import next_lines

_ROWS = [
    "train",
    "baseline",
    "preflight",
    "search",
    "eval base",
    "compare tfidf majority",
    "data leakage train test",
]
_ROWS += ["data balance --cap 5", "data diff", "prepare", "status"]
_RUN = ["eval", "export", "parity", "serve", "runs", "train --resume"]


def _next(cli: Cli, line: str) -> str:
    done = cli(*line.split(), code=None)
    return next_lines(done.stdout + done.stderr)[-1].partition("   #")[0]


@pytest.fixture
def rows(tmp_path: Path) -> str:
    lines = [
        f"please {('refund', 'deliver', 'bill')[n % 3]} case {n * 7919},{'abc'[n % 3]}" for n in range(90)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    return f"csv:{tmp_path / 'rows.csv'}"


def test_the_first_command_that_can_run_is_named(cli: Cli, cli_json: CliJson, rows: str) -> None:
    cli("init", "task", "--yes")
    first = "narrowcast data import --locator SCHEME:PATH --auto"
    assert {line: _next(cli, line) for line in [*_ROWS, *_RUN]} == dict.fromkeys([*_ROWS, *_RUN], first)
    cli_json("data", "import", "--locator", rows, "--auto", "--force")
    asked = [line for line in [*_ROWS, *_RUN] if line != "prepare"]
    assert {line: _next(cli, line) for line in asked} == dict.fromkeys(asked, "narrowcast prepare")
    cli_json("prepare")
    asked = [*_RUN, "train", "status"]
    assert {line: _next(cli, line) for line in asked} == dict.fromkeys(asked, "narrowcast baseline")


def test_sources_that_were_not_imported_are_imported_by_run(cli: Cli, rows: str, tmp_path: Path) -> None:
    cli("init", "task", "--path", tmp_path / "task", "--yes")
    config = tmp_path / "task" / "narrowcast.yaml"
    config.write_text(f"name: task\nsources:\n- locator: {rows}\n  mapper: label_to_classification\n")
    assert {_next(cli, line) for line in ("serve", "train", "prepare")} == {"narrowcast run"}
