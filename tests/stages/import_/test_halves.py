"""Questions and answers in files of their own: a refusal names the command that imports both."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from narrowcast.errors import NarrowcastError
from narrowcast.pipeline.project import Project
from tests.support import imports as data
from tests.support.cli import CliJson

TOOL = {"name": "find", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}
ASKED = [
    {"id": n, "question": [{"role": "user", "content": f"where is box {n}"}], "function": [TOOL]}
    for n in range(30)
]
CALLS = [[{"name": "find", "arguments": {"place": f"shelf {n}"}}] for n in range(30)]


def written(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("half", ["asked", "answered"])
def test_the_command_joins_both_halves(
    project: Project, tmp_path: Path, cli_json: CliJson, half: str
) -> None:
    asked = written(tmp_path / "boxes.jsonl", ASKED)
    answered = written(
        tmp_path / "answers" / "boxes.jsonl", [{"id": n, "calls": call} for n, call in enumerate(CALLS)]
    )
    with pytest.raises(NarrowcastError) as caught:
        data.import_rows(project, f"jsonl:{asked if half == 'asked' else answered}", auto=True)
    command, _, _ = caught.value.next_command.partition(", ")
    found = cli_json(*shlex.split(command)[1:], "-p", project.slug)
    assert (found["record"]["accepted"], found["record"]["rejected"]) == (30, {})


def test_questions_alone_are_imported_as_the_refusal_says(project: Project, tmp_path: Path) -> None:
    asked = written(tmp_path / "boxes.jsonl", ASKED)
    with pytest.raises(NarrowcastError) as caught:
        data.import_rows(project, f"jsonl:{asked}", auto=True)
    options = shlex.split(caught.value.next_command.partition(", if ")[0])
    assert options[:3] == ["--mapper", "tool_calls_passthrough", "--map"]
    field_map = dict(pair.split("=") for pair in options[3].split(","))
    outcome = data.import_rows(project, f"jsonl:{asked}", mapper=options[1], field_map=field_map)
    assert isinstance(outcome, data.ImportOutcome)
    assert (outcome.record.accepted, outcome.record.rejected) == (30, {})
