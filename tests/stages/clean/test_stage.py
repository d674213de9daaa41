"""Cleaning as a stage: by content, with events that have a run, and nothing kept where it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.progress import CancelToken
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, DataError
from narrowcast.ops.clean import clean, cleanings
from narrowcast.ops.requests import CleanRequest
from narrowcast.pipeline.project import Project
from tests.support.cli import CliJson

OFF = {"pii": "off", "secrets": "off"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": f"Sentence {n} of the text."}) + "\n" for n in range(30)))
    return path


def request(source: Path, **fields: Any) -> CleanRequest:
    return CleanRequest(locator=f"jsonl:{source}", options=OFF, **fields)


def codes(project: Project) -> list[str]:
    return [each.reason_code for each in project.trail.events()]


def test_a_source_is_cleaned_again_where_its_content_or_the_options_changed(
    project: Project, source: Path
) -> None:
    first = clean(project, request(source))
    events = project.trail.events()
    assert [each.reason_code for each in events][-2:] == ["stage_started", "cleaning_run"]
    assert events[-1].run
    assert events[-1].run == events[-2].run
    before = codes(project)
    assert clean(project, request(source)) == first
    assert codes(project) == before
    assert clean(project, request(source, limit=5)).ledger.rows_in == 5
    assert clean(project, request(source)) == first
    assert codes(project) == [*before, "stage_started", "cleaning_run"]
    with source.open("a") as file:
        file.write(json.dumps({"text": "One more."}) + "\n")
    assert clean(project, request(source)).ledger.rows_in == 31
    assert len(cleanings(project)) == 3
    assert not list(project.paths.cleaned.glob("*.incoming*"))


def test_a_run_that_fails_or_is_cancelled_keeps_nothing_and_ends_in_one_event(
    project: Project, source: Path
) -> None:
    source.write_text("")
    with pytest.raises(DataError):
        clean(project, request(source))
    assert codes(project)[-1] == "cleaning_failed"
    source.write_text(json.dumps({"text": "One sentence."}) + "\n")
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        clean(project, request(source), Work(cancel=token))
    assert codes(project)[-1] == "cleaning_cancelled"
    assert not [each for each in project.paths.cleaned.rglob("*") if each.is_file()]


def test_no_password_of_a_source_is_recorded(project: Project) -> None:
    locator = "sql:postgresql://me:s3cretPw@127.0.0.1:1/db?query=select 1"
    with pytest.raises(Exception, match=r".") as refused:
        clean(project, CleanRequest(locator=locator, options=OFF))
    assert "s3cretPw" not in str(refused.value)
    assert not [event for event in project.trail.events() if "s3cretPw" in event.model_dump_json()]


def test_the_command_line_takes_options_and_configuration(
    project: Project, source: Path, cli_json: CliJson
) -> None:
    config = project.config
    project.save_config(config.model_copy(update={"clean": {**OFF, "chunk_size": 60}}))
    arguments = ("data", "clean", "-l", f"jsonl:{source}", "-p", str(project.id))
    dry = cli_json(*arguments, "--limit", "7", "--dry-run")
    assert (dry["dry_run"], dry["ledger"]["rows_in"]) == (True, 7)
    assert not project.paths.cleaned.exists()
    done = cli_json(*arguments, "--chunk-size", "50")
    assert (done["options"]["chunk_size"], done["options"]["pii"]) == (50, "off")
    assert [each["id"] for each in cli_json("data", "cleanings", "-p", str(project.id))] == [done["id"]]
