"""What a command takes is said before it begins; what makes a stage stale is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from narrowcast.core.forecast import WorkForecast
from narrowcast.pipeline.project import Project
from narrowcast.store.stage_records import save_record
from tests.support.cli import Cli, CliJson
from tests.support.records import stage_record


@pytest.fixture
def imported(project: Project, cli: Cli, tmp_path: Path) -> Project:
    texts = ("give my money back for", "nothing has come yet of", "the bill is too high for")
    lines = [f"please {texts[n % 3]} case {n * 7919},{'abc'[n % 3]}" for n in range(90)]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    cli("data", "import", "--locator", f"csv:{tmp_path / 'rows.csv'}", "--auto")
    return project


def test_a_forecast_in_words() -> None:
    whole = WorkForecast(seconds=190.4, memory_bytes=220_000_000, disk_bytes=1_300_000_000, basis="10 steps")
    assert whole.sentence == "about 3 min 10 s, 220 MB of memory and 1.3 GB of disk (10 steps)"
    assert WorkForecast(disk_bytes=5, basis="new").sentence == "time not known and 1 MB of disk (new)"
    assert WorkForecast(seconds=0.2).sentence == "about 1 s"


def test_prepare_is_forecast_by_what_the_last_one_took(
    imported: Project, cli: Cli, cli_json: CliJson
) -> None:
    first = cli_json("prepare", "--dry-run")["outcome"]["forecast"]
    assert "90 rows were read in" in first["basis"]
    assert first["memory_bytes"] > 0
    assert first["disk_bytes"] > 0
    former = stage_record("prepare", "prepare-0", {"version": "0" * 64, "ledger": {"rows_in": 90}})
    times = {"started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:00:40+00:00"}
    save_record(imported.paths, former.model_copy(update=times))
    again = cli_json("prepare", "--dry-run")["outcome"]["forecast"]
    assert (again["seconds"], again["basis"]) == (40, "the last time took 40 s for 90 rows")
    assert "forecast  about 40 s" in cli("prepare", "--dry-run").stdout
    assert "prepare: about 40 s, 150 MB of memory and 1 MB of disk" in cli("prepare").stderr
    assert "prepare: about" not in cli("prepare", "--seed", "1").stderr  # it took no time


def test_a_stale_stage_names_the_options_that_differ(imported: Project, cli: Cli, cli_json: CliJson) -> None:
    cli("prepare")
    assert cli_json("prepare", "--dry-run")["reason"] == "up to date"
    changed = cli_json("prepare", "--dry-run", "--seed", "1", "--golden", "0.1")["reason"]
    assert changed == "options changed: golden 0.0 → 0.1, seed 0 → 1"
    imported.save_config(imported.config.model_copy(update={"prepare": {"clusters": 0.6}}))
    (prepare,) = (each for each in cli_json("status")["stages"] if each["stage"] == "prepare")
    assert prepare["reason"] == "options changed: clusters default → 0.6"


def test_a_project_whose_folder_is_gone_is_marked(project: Project, cli: Cli, cli_json: CliJson) -> None:
    cli("init", "second")
    shutil.rmtree(project.paths.root)
    assert [each["missing"] for each in cli_json("projects")] == [True, False]
    shown = cli("projects").stdout
    assert "missing" in shown
    assert "narrowcast project delete task" in shown
    cli("project", "delete", "task", "--yes")
    assert [each["slug"] for each in cli_json("projects")] == ["second"]


def test_lists_without_entries_say_so(project: Project, cli: Cli) -> None:
    for words in (["data", "cleanings"], ["jobs", "list"], ["jobs", "schedules"]):
        lines = cli(*words).stdout.splitlines()
        assert len(lines) == 2
        assert lines[1].startswith("next: narrowcast ")
