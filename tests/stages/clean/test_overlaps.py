"""Findings that overlap: what a policy hides is hidden, whatever else was found in its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from narrowcast.ops.clean import clean
from narrowcast.ops.requests import CleanRequest
from narrowcast.pipeline.project import Project

TEXT = "The mirror is at https://bob:secret@example.org/data and open to everybody who asks."


def _source(folder: Path) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in (TEXT, "An ordinary sentence.")))
    return f"jsonl:{path}"


@pytest.mark.parametrize("pii", ["off", "report", "redact"])
def test_an_email_does_not_hide_the_password_in_an_address(
    project: Project, tmp_path: Path, pii: str
) -> None:
    request = CleanRequest(locator=_source(tmp_path), options={"pii": pii, "secrets": "redact"})
    clean(project, request)
    rows = next(project.paths.cleaned.glob("cln-*/cleaned.jsonl"))
    assert "bob:secret" not in rows.read_text()
    assert "secret@" not in rows.read_text()


@pytest.mark.parametrize("pii", ["report", "redact"])
def test_an_email_does_not_let_a_password_pass_that_blocks(
    project: Project, tmp_path: Path, pii: str
) -> None:
    request = CleanRequest(locator=_source(tmp_path), options={"pii": pii, "secrets": "block"})
    assert clean(project, request).ledger.rejected == {"secret": 1}
