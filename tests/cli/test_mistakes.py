"""A command line that cannot be read is answered in the form of every other error, and quickly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_help import HEAVY
from tests.support.cli import Cli

# A command line, what is wrong with it, and the command whose help is named.
MISTAKES = [
    ("trian", "there is no command 'trian'; did you mean train?", "narrowcast"),
    ("data imprt", "there is no command 'imprt'; did you mean import?", "narrowcast data"),
    ("runs shwo", "there is no command 'shwo'; did you mean show?", "narrowcast runs"),
    ("--hom x status", "there is no option --hom; did you mean --home?", "narrowcast"),
    ("train --epocs 3", "there is no option --epocs; did you mean --epochs?", "narrowcast train"),
    ("data import --zzz", "there is no option --zzz", "narrowcast data import"),
    ("train --epochs", "option '--epochs' requires an argument", "narrowcast train"),
    ("data remove", "missing argument 'IMPORT'", "narrowcast data remove"),
    ("runs show a b", "got unexpected extra argument(s) (b)", "narrowcast runs show"),
]


@pytest.mark.parametrize(("line", "what", "command"), MISTAKES)
def test_it_says_what_is_wrong_where_and_what_to_do(line: str, what: str, command: str, cli: Cli) -> None:
    done = cli(*line.split(), code=2)
    assert done.stderr == f"error: {what} ({command})\nnext: {command} --help\n"
    if line.endswith("--epochs"):  # it would take --json for its value
        return
    error = json.loads(cli(*line.split(), "--json", code=2).stdout)["error"]
    assert error["message"] == f"{what} ({command})"
    assert error["actionable_fix"] == f"{command} --help"


def test_a_wrong_file_or_name_of_an_imported_model_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\n")
    refused = cli("models", "import", f"{tmp_path}/rows.csv", code=1).stderr
    assert refused.endswith(
        f"error: this is not a GGUF file ({tmp_path}/rows.csv)\nfix: name one that ends in .gguf\n"
    )
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    taken = cli("models", "import", f"{tmp_path}/model.gguf", "--name", "embedded", code=1).stderr
    assert taken.endswith(f"next: narrowcast models import {tmp_path}/model.gguf --name NAME\n")


# Each line runs in a fork of one interpreter, which loads what that line alone needs.
_IN_FORKS = """
import os, sys
from narrowcast.cli.main import main
for line in sys.stdin.read().splitlines():
    sys.stdout.flush()
    if os.fork() == 0:
        sys.stderr = open(os.devnull, "w")
        try:
            main(line.split())
        except SystemExit as end:
            print(end.code, line, *({each.partition(".")[0] for each in sys.modules}), flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_group_alone_and_an_unknown_command_load_nothing_heavy() -> None:
    lines = ["data", "jobs", "--home x models", "trian", "data imprt", "--home x jobs shwo"]
    done = subprocess.run(
        [sys.executable, "-c", _IN_FORKS], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    answers = done.stdout.splitlines()
    assert [answer.startswith(f"2 {line} ") for line, answer in zip(lines, answers, strict=True)] == [
        True
    ] * 6
    heavy = HEAVY - {"dataclasses", "inspect"}  # the table of reason codes has them
    assert not [answer.split()[:3] for answer in answers if heavy & set(answer.split())]


def test_the_help_of_a_command_that_is_to_be_a_job_submits_none(cli: Cli) -> None:
    assert cli("train", "--job", "--help").stdout == cli("train", "--help").stdout
    assert cli("jobs", "list", "--json").stdout.strip() == "[]"
