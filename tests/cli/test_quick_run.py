"""`--rows N`: rows drawn at random, and no figure of it passes as one of the whole."""

import shlex
from pathlib import Path

import pytest

from narrowcast.ops.plan import planned_options
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_json
from tests.support.cli import Cli, CliJson
from tests.support.datasets import save_dataset, sentences, split_rows

DRAWN = "16 of 48 train rows, drawn at random with seed 0"


@pytest.fixture
def ready(project: Project, tiny_base: Path) -> list[str]:
    save_dataset(project.paths.root, split_rows(sentences(60), dev=12))
    return ["--base", str(tiny_base), "--batch-size", "8", "--epochs", "1", "--force", "--probe-steps", "0"]


@pytest.mark.nightly
def test_a_quick_training_run_says_so_everywhere(
    project: Project, ready: list[str], cli: Cli, cli_json: CliJson
) -> None:
    assert cli_json("train", *ready, "--rows", "16", "--dry-run")["plan"]["steps"] == 2
    trained = cli_json("train", *ready, "--rows", "16")
    assert trained["drawn"] == DRAWN
    run = trained["run_id"]
    assert read_json(project.paths.adapters / run / "run.json")["drawn"] == DRAWN
    assert DRAWN in cli("runs", "show", run).stdout
    assert "16 (quick" in cli("runs").stdout
    event = next(each for each in cli_json("events", "--run", run) if "quick_run" in each["payload"])
    assert event["payload"]["quick_run"] == DRAWN
    measured = cli_json("eval", f"run:{run}", "--split", "dev", "--rows", "5")
    assert measured["rows_drawn"] == "5 of 12 rows, drawn at random with seed 0"
    assert f"run:{run} is of a quick run: it was trained on {DRAWN}" in measured["warnings"]
    full = cli_json("train", *ready, "--rows", "48")
    assert full["drawn"] == ""
    assert full["run_id"] != run


@pytest.mark.nightly
def test_the_verdict_on_a_file_of_a_quick_run_knows_that_it_was_quick(
    project: Project, ready: list[str], cli_json: CliJson
) -> None:
    cli_json("baseline", "--models", "majority", "--split", "dev", "--samples", "100")
    cli_json("train", *ready, "--rows", "16")
    small = ["--formats", "f16", "--parity-rows", "4", "--parity-split", "dev", "--tolerance", "1"]
    cli_json("export", *small, "--max-tokens", "4", "--force")
    measured = cli_json("eval", "gguf:f16", "--split", "dev", "--samples", "100", code=None)
    sentence = measured["conclusion"]["sentence"]
    assert "train on all rows" in sentence
    assert "or add data" not in sentence
    assert measured["conclusion"]["next"][0].startswith("narrowcast train --base ")


def test_what_was_checked_is_what_the_next_line_trains(project: Project, ready: list[str], cli: Cli) -> None:
    given = [*ready, "--rows", "16"]
    for checked in (["train", *given, "--dry-run"], ["preflight", *given]):
        last = cli(*checked).stdout.splitlines()[-1]
        assert last == f"next: narrowcast {shlex.join(['train', *given])}"


def test_the_draw_follows_the_seed(project: Project, ready: list[str], cli_json: CliJson) -> None:
    def ids(*more: str) -> list[str]:
        plan = cli_json("train", *ready, "--rows", "3", "--dry-run", *more)["plan"]
        return [row["id"] for row in plan["rows"]]

    assert ids() == ids()
    assert ids() != ids("--seed", "1")


def test_a_quick_run_passes_its_number_to_each_stage(project: Project, cli: Cli) -> None:
    planned = {name: options.model_dump() for name, options in planned_options(project, None, 200).items()}
    assert planned["train"]["rows"] == 200
    assert {planned[name]["limit"] for name in ("baseline", "evaluate", "verify")} == {200}
    assert "greater than or equal to 1" in cli("run", "--rows", "0", code=2).stderr
