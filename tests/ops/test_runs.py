"""The list of runs: a model in Python, the same lines as in the index with `--json`."""

from __future__ import annotations

import json

import pytest

from narrowcast.core.run import FinishedRun
from narrowcast.errors import WorkspaceError
from narrowcast.ops.train import runs
from narrowcast.pipeline.project import Project
from tests.support.cli import Cli, CliJson

LINE = {
    "run_id": "exp-5b3b5a4100",
    "base": "/models/embedded/",
    "method": "lora",
    "dataset_version": "ab" * 32,
    "rows": 861,
    "steps": 405,
    "final_train_loss": 0.614,
    "dev_loss": None,
    "seconds": 273.5,
    "tokens_per_second": 2048.25,
    "weights_sha256": "cd" * 32,
    "finished": "2026-11-29T10:00:00+00:00",
}


def test_a_line_is_the_same_in_the_index_in_json_and_in_python(
    project: Project, cli: Cli, cli_json: CliJson
) -> None:
    assert cli_json("runs", "-p", project.slug) == []
    project.paths.run_index.parent.mkdir(parents=True, exist_ok=True)
    project.paths.run_index.write_text(json.dumps(LINE) + "\n")
    for command in (("runs",), ("runs", "list")):
        (listed,) = cli_json(*command, "-p", project.slug)
        assert listed == {"state": "finished", "drawn": "", **LINE}
    assert runs(project) == [FinishedRun.model_validate(LINE)]
    shown = cli("runs", "-p", project.slug, try_next=False).stdout  # there is no more than this line
    assert all(part in shown for part in ("exp-5b3b5a4100", "embedded", "861", "0.6140"))


def test_a_damaged_index_says_so(project: Project, cli: Cli) -> None:
    project.paths.run_index.parent.mkdir(parents=True, exist_ok=True)
    project.paths.run_index.write_text(json.dumps({**LINE, "rows": "many"}) + "\n")
    with pytest.raises(
        WorkspaceError, match="the index of runs cannot be read: the file is damaged in line 1"
    ):
        runs(project)
    assert "runs.jsonl" in cli("runs", "-p", project.slug, code=1).stderr
