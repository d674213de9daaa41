"""`kill -9` at any moment of an import: it is whole, or it never was; the next one works."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from narrowcast.pipeline.project import Project
from tests.support import imports as data

pytestmark = pytest.mark.nightly

ROWS = 30_000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    with path.open("w") as file:
        for number in range(ROWS):
            row = {"text": f"this is the message with number {number}", "label": f"kind {number % 5}"}
            file.write(json.dumps(row) + "\n")
    return path


def first_rows_written(project: Project) -> bool:
    return any(project.paths.raw.glob(".*")) if project.paths.raw.exists() else False


def raw_complete(project: Project) -> bool:
    return any(project.paths.raw.glob("imp-*")) if project.paths.raw.exists() else False


def accepted_complete(project: Project) -> bool:
    return any(project.paths.accepted.glob("imp-*")) if project.paths.accepted.exists() else False


@pytest.mark.parametrize("moment", [first_rows_written, raw_complete, accepted_complete])
def test_kill_9(project: Project, source: Path, moment: Callable[[Project], bool]) -> None:
    locator = f"jsonl:{source}"
    command = [sys.executable, "-m", "narrowcast.cli.main", "data", "import", "--auto", "-l", locator]
    process = subprocess.Popen([*command, "-p", str(project.paths.root)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not moment(project) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    records = data.imports(project)
    assert data.ledger(project).balanced
    if records:  # the kill came after the commit point
        assert (records[0].rows, records[0].accepted) == (ROWS, ROWS)
    else:
        outcome = data.import_rows(project, locator, auto=True)
        assert isinstance(outcome, data.ImportOutcome)
    [record] = data.imports(project)
    assert record.accepted == ROWS
    for folder in (project.paths.raw, project.paths.accepted, project.paths.rejected):
        assert [path.name for path in folder.iterdir()] == [f"{record.id}.jsonl"]
    assert data.ledger(project).stages[0].rows_out == ROWS
