"""An interrupted run can be dropped, and what lists or continues runs says the same of it."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.support.cli import Cli, CliJson, run_here
from tests.support.datasets import save_dataset, sentences, split_rows
from tests.support.progress import StopAfter
from tests.support.workshop import Workshop


def _states(cli_json: CliJson) -> dict[str, Any]:
    return {each["run_id"]: (each["state"], each["obstacle"]) for each in cli_json("runs")}


def test_a_discarded_run_is_gone_from_every_list(workshop: Workshop, cli: Cli, cli_json: CliJson) -> None:
    workshop.interrupt(3)
    run = workshop.run_folder.name
    assert _states(cli_json) == {run: ("interrupted", "")}
    (held,) = cli_json("gc", "--dry-run")["holdings"]
    assert (held["run_id"], held["what"], held["removable"]) == (run, "interrupted run", False)
    assert f"runs discard {run}" in cli("status").stdout

    assert cli_json("runs", "discard", run)["step"] >= 3
    assert not workshop.project.runs.exists() or not list(workshop.project.runs.iterdir())
    assert cli_json("runs") == []
    assert cli_json("gc", "--dry-run")["holdings"] == []
    status = cli_json("status")
    assert status["interrupted"] == []
    assert "resume" not in status["next"]
    assert "no training run was interrupted" in cli_json("train", "--resume", code=1)["error"]["message"]
    assert [code for code, *_ in workshop.events][-1] == "training_run_discarded"
    assert cli_json("runs", "discard", run, code=1)["error"]["actionable_fix"] == "narrowcast runs"


def test_a_run_without_a_whole_checkpoint_is_what_everybody_says(
    workshop: Workshop, cli: Cli, cli_json: CliJson
) -> None:
    workshop.interrupt(2)
    run = workshop.run_folder.name
    for marker in workshop.run_folder.rglob("complete.json"):
        marker.unlink()  # as a kill in the middle of writing leaves it
    why = "no whole checkpoint was written"
    assert _states(cli_json) == {run: ("interrupted", why)}
    refused = cli_json("train", "--resume", code=1)["error"]
    assert f"{run} cannot be resumed: {why}" in refused["message"]
    assert refused["actionable_fix"].startswith(f"narrowcast runs discard {run}")
    assert why in cli("status").stdout
    assert cli_json("status")["next"] != "narrowcast train --resume"
    (held,) = cli_json("gc", "--dry-run")["holdings"]
    assert held["removable"]  # without --interrupted: nobody can continue it
    assert why in held["reason"]
    assert cli_json("gc")["freed_bytes"] == held["size_bytes"] > 0
    assert cli_json("runs") == cli_json("status")["interrupted"] == []


def test_a_run_of_other_rows_is_not_what_status_resumes(workshop: Workshop, cli_json: CliJson) -> None:
    workshop.interrupt(3)
    run = workshop.run_folder.name
    save_dataset(workshop.project.root, split_rows(sentences(90), dev=16))
    ((state, obstacle),) = _states(cli_json).values()
    assert (state, "have changed" in obstacle) == ("interrupted", True)
    assert cli_json("status")["next"] != "narrowcast train --resume"
    error = cli_json("train", "--resume", code=1)["error"]
    assert obstacle in error["message"]
    (held,) = cli_json("gc", "--dry-run")["holdings"]
    assert not held["removable"]
    assert obstacle in held["reason"]
    cli_json("runs", "discard", run)
    assert cli_json("runs") == []


class _Look(StopAfter):
    """Asks for the status in the middle of training."""

    def __init__(self, cli_json: CliJson) -> None:
        super().__init__(10**6)
        self.cli_json = cli_json
        self.seen: dict[str, Any] = {}

    def advance(self, units: int = 1, **fields: str | float) -> None:
        if "loss" in fields and not self.seen:
            self.seen = {name: self.cli_json(name) for name in ("status", "runs")}
            self.seen["page"] = run_here("runs").stdout
            self.seen["gc"] = self.cli_json("gc", "--dry-run", "--interrupted")
            self.seen["resume"] = self.cli_json("train", "--resume", code=None)
            self.seen["show"] = self.cli_json("runs", "show", self.seen["runs"][0]["run_id"], code=1)


def test_a_run_of_a_living_process_is_running(workshop: Workshop, cli_json: CliJson) -> None:
    look = _Look(cli_json)
    workshop.train(stop=look)
    seen = look.seen
    assert seen["status"]["interrupted"] == []
    (running,) = seen["status"]["running"]
    assert running["process"] == os.getpid()
    assert seen["status"]["next"] == f"narrowcast status, when process {os.getpid()} has finished training"
    ((state, process),) = {(each["state"], each["process"]) for each in seen["runs"]}
    assert (state, process) == ("running", os.getpid())
    assert f"running, process {os.getpid()}" in seen["page"]
    assert "next: narrowcast status" in seen["page"]
    (held,) = seen["gc"]["holdings"]
    assert not held["removable"]
    assert "is running" in seen["resume"]["error"]["message"]
    assert f"process {os.getpid()} trains it" in seen["show"]["error"]["message"]
    assert cli_json("status")["running"] == []


@pytest.mark.parametrize("command", [["gc", "--interrupted"], ["runs", "discard", "RUN"]])
def test_what_is_trained_now_is_not_discarded(
    workshop: Workshop, cli_json: CliJson, command: list[str]
) -> None:
    class Discard(_Look):
        def advance(self, units: int = 1, **fields: str | float) -> None:
            if "loss" in fields and not self.seen:
                run = self.cli_json("runs")[0]["run_id"]
                words = [run if each == "RUN" else each for each in command]
                self.seen = self.cli_json(*words, code=None)

    discard = Discard(cli_json)
    trained = workshop.train(stop=discard)
    assert "another process works on this project" in discard.seen["error"]["message"]
    assert trained.weights_sha256
