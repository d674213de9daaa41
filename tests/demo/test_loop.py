"""The demo from its command, on a tiny model and a part of its rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.settings import Settings
from narrowcast.demo.project import open_demo
from narrowcast.errors import UsageError
from narrowcast.pipeline.project import Project
from narrowcast.testing.tiny import build_tiny_model
from tests.support.cli import Cli

pytestmark = pytest.mark.nightly


def shrink(project: Project) -> None:
    """The same loop in seconds: fewer rows, fewer passes."""
    config = project.config
    sources = [config.sources[0].model_copy(update={"limit": 120})]
    measured = {"limit": 6, "samples": 100, "max_tokens": 8}
    changed = {
        "sources": sources,
        "baseline": {**config.baseline, **measured, "shots": 1},
        "train": {**config.train, "epochs": 1},
        "evaluate": {**config.evaluate, **measured},
        "export": {**config.export, "parity_rows": 4, "max_tokens": 8, "tolerance": 1.0},
        "verify": {**config.verify, **measured},
    }
    project.save_config(config.model_copy(update=changed))


def test_the_loop_ends_in_the_table_and_continues_where_it_stopped(
    cli: Cli, cli_json: Callable[..., Any], settings: Settings, tmp_path: Path
) -> None:
    base = str(build_tiny_model(tmp_path / "base", context=1024))
    project = open_demo(settings, base=base)
    shrink(project)
    project.close()

    result = cli_json("demo", "--base", base)
    names = [step["name"] for step in result["steps"]]
    assert names == ["import", "prepare", "preflight", "baseline", "train", "evaluate", "export", "verify"]
    forecast = result["steps"][2]["lines"]
    assert "240 rows" not in forecast[0]  # there are fewer here
    assert "measured on" in forecast[1]
    models = [row["model"] for row in result["summary"]["rows"]]
    assert models[:4] == ["majority", "tfidf", "base", "base-few-shot"]
    assert models[4].startswith("run:exp-")
    assert models[5:] == ["gguf:q8_0"]
    assert result["summary"]["ledger_balanced"]

    shown = cli("demo", "--base", base).stdout
    assert "120 support messages to a fictitious shop" in shown
    assert "each in one split only" in shown
    assert "trained model, exported q8_0" in shown
    assert "Forecast" not in shown  # nothing is trained any more
    assert "6 rows, at least 30 are needed" in shown  # which show nothing, so the advice is to train longer
    assert "next: narrowcast train --base " in shown
    runs = (project.paths.run_index).read_text().splitlines()
    assert len([json.loads(line) for line in runs]) == 1  # the second time nothing was trained

    other = str(build_tiny_model(tmp_path / "other", context=1024))
    project = open_demo(settings, base=other)
    shrink(project)
    project.close()
    names = [step["name"] for step in cli_json("demo", "--base", other)["steps"]]
    assert names[2] == "preflight"  # of each base that is trained


def test_another_base_is_written_to_the_configuration(settings: Settings) -> None:
    open_demo(settings, base="one").close()
    project = open_demo(settings, base="two")
    assert project.config.train["base"] == "two"
    assert project.config.train["epochs"] >= 1
    assert "learning_rate" not in project.config.train  # that of the recipe suits the base
    project.close()
    project = open_demo(settings)
    assert project.config.train["base"] == "embedded"
    assert project.config.train["learning_rate"] == 1e-3
    assert "q4_k_m" in project.config.export["formats"]
    project.close()


def test_a_base_that_cannot_be_used_is_said_before_anything_is_measured(cli: Cli) -> None:
    shown = cli("demo", "--base", "no-such-base", code=None, try_next=False)
    assert shown.returncode != 0
    assert "no-such-base" in shown.stderr
    assert "Baselines" not in shown.stdout


def test_a_project_of_that_name_is_not_touched(settings: Settings, cli: Cli) -> None:
    Project.create(settings, "demo").close()
    with pytest.raises(UsageError, match="not the demo"):
        open_demo(settings)
    refused = cli("demo", code=2).stderr
    assert "next: narrowcast demo --project another-name" in refused
