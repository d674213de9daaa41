"""The command line itself: lazy, with two-line errors, machine-readable on request."""

import json

import pytest

from narrowcast.cli.commands import COMMANDS
from narrowcast.cli.root import load_command
from narrowcast.core.settings import Settings
from narrowcast.ops.doctor import Finding, examine
from narrowcast.ops.requests import DoctorRequest
from tests.support.cli import Cli


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_takes_json(name: str) -> None:
    command = load_command(name)
    leaves = list(getattr(command, "commands", {}).values()) or [command]
    for leaf in leaves:
        if leaf.name not in {"serve", "worker"}:  # they run until they are stopped
            assert "--json" in {option for parameter in leaf.params for option in parameter.opts}, leaf.name


def test_an_error_is_two_lines(cli: Cli) -> None:
    done = cli("events", "--project", "nope", code=2)
    lines = done.stderr.strip().splitlines()
    assert lines[0] == "error: there is no such project (nope)"
    assert lines[1] == "next: narrowcast projects   # lists them; `narrowcast init NAME` creates one"
    assert "Traceback" not in done.stderr


def test_an_error_is_an_object_with_json(cli: Cli) -> None:
    done = cli("events", "--project", "nope", "--json", code=2)
    error = json.loads(done.stdout)["error"]
    assert set(error) == {"reason_code", "stage", "message", "actionable_fix"}


def test_the_installed_command_runs(cli_process: Cli) -> None:
    assert cli_process("--version").stdout.startswith("narrowcast ")


def test_debug_shows_the_traceback(cli_process: Cli) -> None:
    assert "Traceback" in cli_process("--debug", "events", "--project", "nope", code=1).stderr


def test_a_mistyped_command_is_wrong_usage(cli: Cli) -> None:
    done = cli("trian", code=2)
    assert "train" in done.stderr


def test_init_projects_events_and_verify(cli: Cli, cli_json: object) -> None:
    cli("init", "my task")
    assert "my-task" in cli("projects").stdout
    assert "project_created" in cli("events").stdout
    assert "intact" in cli("audit", "verify").stdout


def test_doctor_finds_this_machine_fit(cli: Cli) -> None:
    findings = json.loads(cli("doctor", "--json", code=None).stdout)
    assert {each["what"] for each in findings} >= {"Python", "machine", "workspace", "free disk"}
    assert next(each for each in findings if each["what"] == "Python")["state"] == "ok"


def test_doctor_looks_at_the_extras_that_it_is_asked_for(cli: Cli, settings: Settings) -> None:
    def extras(findings: list[Finding]) -> set[str]:
        return {each.what.partition("(")[2].rstrip(")") for each in findings} - {""}

    found = cli("doctor", "--extra", "train,gguf", "--extra", "eval", "--json", code=None).stdout
    assert extras([Finding.model_validate(each) for each in json.loads(found)]) == {"train", "gguf", "eval"}
    assert extras(examine(settings, DoctorRequest(extras=["gguf"]))) == {"gguf"}
    assert extras(examine(settings)) > {"train", "gguf", "eval"}
    refused = cli("doctor", "--extra", "training", code=2).stderr
    assert "there is no extra 'training'" in refused
