"""The command line itself: lazy, with two-line errors, machine-readable on request."""

import json
import subprocess
import sys

import pytest
from typer.main import get_command

from narrowcast.cli.commands import COMMANDS
from narrowcast.cli.root import app, load_command
from narrowcast.cli.root_help import root_help
from narrowcast.core.settings import Settings
from narrowcast.ops.doctor import Finding, examine
from narrowcast.ops.requests import DoctorRequest
from tests.support.cli import Cli

HEAVY = {"torch", "transformers", "peft", "sklearn", "matplotlib", "polars", "numpy", "fastapi", "alembic"}


def test_the_root_help_lists_every_command(cli: Cli) -> None:
    text = cli("--help").stdout
    for name in COMMANDS:
        assert name in text


def test_the_root_help_is_that_of_the_real_command() -> None:
    text = " ".join(root_help().split())
    for option in get_command(app).params:
        assert option.opts[0] in text
        assert f"{option.opts[0]} {option.help}" in text
    for name, (_, _, line) in COMMANDS.items():
        assert f" {name} {line}" in text


def test_both_ways_to_the_root_help_print_the_same(cli: Cli) -> None:
    assert cli("--help").stdout.strip() == cli("--debug", "--help").stdout.strip() == root_help().strip()


def test_the_root_help_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    assert max(map(len, root_help().splitlines())) <= 50


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_shows_what_is_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command = load_command(name)
    for each in [command, *getattr(command, "commands", {}).values()]:
        text = each.get_help(each.context_class(each, info_name=each.name))
        assert "--install-completion" not in text  # of the root alone
        assert "..." not in text.partition("Commands:")[2]  # one line says what a sub-command does
        assert "<str>" not in text


# What a help must not load: the root's nothing but the table, a command's no formatter of terminals.
LIGHT = {
    "": {"typer", "rich", "pydantic", "dataclasses", "json"},
    "train": {"rich", "markdown_it", "pygments"},
}


# One clean interpreter; each help runs in a fork of it, which loads what that help alone needs.
HELP_IN_FORKS = """
import contextlib, io, os, sys
from narrowcast.cli.main import COMMANDS, main
for name in ["", *COMMANDS]:
    sys.stdout.flush()
    if os.fork() == 0:
        with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as text:
            main([*name.split(), "--help"])
        loaded = sorted({each.partition(".")[0] for each in sys.modules})
        import json
        print(json.dumps({"name": name, "text": text.getvalue(), "loaded": loaded}), flush=True)
        os._exit(0)
    os.wait()
"""


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HELP_IN_FORKS], capture_output=True, text=True, check=True)
    helps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["name"] for each in helps] == ["", *COMMANDS]
    assert {each["name"]: HEAVY & set(each["loaded"]) for each in helps if HEAVY & set(each["loaded"])} == {}
    loaded = {each["name"]: set(each["loaded"]) for each in helps}
    assert {name: never & loaded[name] for name, never in LIGHT.items() if never & loaded[name]} == {}
    assert all("Usage: narrowcast" in each["text"] for each in helps)


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
