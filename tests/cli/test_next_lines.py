"""Every next command of the source is run in the state in which it is printed, or at least understood."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from narrowcast.cli import state as process
from narrowcast.cli.next_command import next_line
from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError
from narrowcast.factory.rubric import DIMENSIONS
from narrowcast.ops.train import train
from narrowcast.pipeline.project import Project
from narrowcast.store.runs import unfinished_runs
from narrowcast.testing.teacher_server import Reply, TeacherServer
from tests.cli.next_line_cases import CASES
from tests.support.cli import run_here
from tests.support.command_lines import mistake_in
from tests.support.progress import StopAfter
from tests.support.written_next_lines import written_next_lines

# Texts of this kind are sentences that begin with a command.
_PROSE = {"narrowcast export makes them again"}

# What brings a project into each state.
_IMPORT = "data import --locator ROWS --auto"
_PREPARED = (_IMPORT, "prepare")
_QUICK: dict[str, tuple[str, ...]] = {
    "empty": (),
    "imported": (_IMPORT,),
    "prepared": _PREPARED,
    "backed up": ("project backup task.tar",),
    "cleaned": ("data clean --locator LINES --pii off --secrets off",),
    "balanced": (*_PREPARED, "data balance --cap 5"),
    "planned": _PREPARED,
    "generated": (*_PREPARED, "data generate --rows 20"),
}
_MEASURED = (*_PREPARED, "baseline --models majority")
_LONG = {
    "measured": _MEASURED,
    "trained": (*_MEASURED, "train"),
    "exported": (*_MEASURED, "train", "export --formats f16,q8_0"),
    "interrupted": _MEASURED,
}
_PLACES = {"ROWS": "csv:rows.csv", "FEW": "csv:few.csv", "LINES": "jsonl:lines.jsonl"}
_PLACES |= {"SCHEME:PATH": "csv:rows.csv", "csv:PATH": "csv:rows.csv"}
_SHORT = {
    "train": {"epochs": 6, "probe_steps": 0},
    "baseline": {"samples": 100},
    "evaluate": {"samples": 100, "limit": 20},
    "export": {"parity_rows": 8, "tolerance": 1.0},
}


def _line(written: str) -> str:
    return CASES[written].line or written


def test_the_table_holds_every_line_of_the_source() -> None:
    process.begin(["SAME"])  # what "the same command" is
    written = written_next_lines()
    new = {line: places for line, places in written.items() if line not in _PROSE | CASES.keys()}
    assert not new, "add these to tests/cli/next_line_cases.py"
    assert not CASES.keys() - written.keys(), "the source no longer has these"


def test_every_line_that_is_not_run_here_is_understood() -> None:
    lines = [f"{_line(written)} {case.short}" for written, case in CASES.items() if case.state not in _QUICK]
    wrong = {line: mistake for line in lines if (mistake := mistake_in(_filled(line, _PLACES)))}
    assert not wrong


def test_every_line_takes_what_names_another_project() -> None:
    process.begin(["SAME"])
    process.work_on("other")
    lines = [next_line(_line(written))[1] for written in CASES if "SAME" not in written]
    process.begin(["SAME"])
    wrong = {
        line: mistake for each in lines if (mistake := mistake_in(line := _filled(each, _PLACES), run=False))
    }
    assert not wrong
    assert sum("--project other" in each for each in lines) > 50


def test_a_line_is_run_or_has_a_reason() -> None:
    states = {*_QUICK, *_LONG}
    assert not [line for line, case in CASES.items() if (case.state in states) == bool(case.why)]


@pytest.mark.parametrize("state", _QUICK)
def test_lines_run_in_a_project_that_is(state: str, tmp_path: Path, teacher: TeacherServer) -> None:
    Trial(tmp_path, _QUICK[state]).run(state)


@pytest.mark.nightly
@pytest.mark.parametrize("state", _LONG)
def test_lines_run_in_a_project_with_a_model_that_is(state: str, tmp_path: Path, tiny_base: Path) -> None:
    trial = Trial(tmp_path, _LONG[state], tiny_base)
    if state == "interrupted":
        trial.interrupt()
    trial.run(state)


def _judge(server: TeacherServer, body: dict[str, Any], _: int) -> Reply | None:
    if DIMENSIONS[0] not in body["messages"][0]["content"]:
        return None
    scores = {**dict.fromkeys(DIMENSIONS, 4), "format": 5}
    reply = {"decision": "accept", "scores": scores, "reason": "good", "fixed_row": None}
    return server.said(body, json.dumps(reply))


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> Iterator[TeacherServer]:
    server = TeacherServer(script=_judge)
    monkeypatch.setenv("NARROWCAST_TEACHER_URL", server.url)
    monkeypatch.setenv("NARROWCAST_TEACHER_MODEL", "counting")
    yield server
    server.close()


class Trial:
    """A workspace in one state, in which each line is run as if it were the next command."""

    def __init__(self, folder: Path, steps: Iterable[str], base: Path | None = None) -> None:
        self.folder, self.home = folder, Settings.from_environment().home
        _write_rows(folder)
        run_here("init", "task", "--labels", "refund,delivery,invoice", cwd=folder)
        with Project.open(Settings.from_environment()) as project:
            value = yaml.safe_load(project.paths.config.read_text(encoding="utf-8")) | _SHORT
            value["train"] = value["train"] | ({"base": str(base)} if base else {})
            project.paths.config.write_text(yaml.safe_dump(value), encoding="utf-8")
        for step in steps:
            run_here(*shlex.split(_filled(step, _PLACES)), cwd=folder, code=None)
        with Project.open(Settings.from_environment()) as project:
            registry = project.paths.registry
            records = "".join(path.read_text(encoding="utf-8") for path in sorted(registry.glob("*.jsonl")))
        ids = {"IMPORT": "imp", "RUN": "exp", "GENERATION": "gen", "CLEANING": "cln"}
        found = {name: re.search(rf"\b{kind}-[0-9a-f]{{8,10}}\b", records) for name, kind in ids.items()}
        self.places = _PLACES | {name: match[0] for name, match in found.items() if match}

    def interrupt(self) -> None:
        """Stop a training run after two optimizer steps, as ctrl-C does."""
        stop = StopAfter(2)
        with Project.open(Settings.from_environment()) as project:
            with pytest.raises(CancelledError):
                train(project, work=Work(stop, stop.token))
            (run,) = unfinished_runs(project.paths)
        self.places = {**self.places, "RUN": run}

    def run(self, state: str) -> None:
        """Run every line of the state, each in the workspace as it was before."""
        kept = self.home.with_name("kept")
        shutil.copytree(self.home, kept)
        wrong = []
        for written, case in CASES.items():
            if case.state != state:
                continue
            line = _filled(f"{_line(written)} {case.short}", self.places)
            done = run_here(*shlex.split(line)[1:], cwd=self.folder, code=None)
            # 3: done, and the model is not good enough.
            if done.returncode not in (0, 3):
                wrong.append(f"{line}\n{done.returncode} {done.stderr}")
            shutil.rmtree(self.home)
            shutil.copytree(kept, self.home)
        assert not wrong, "\n".join(wrong)


def _filled(line: str, places: dict[str, str]) -> str:
    """A line with what the user fills in."""
    return re.sub(rf"(?<![\w-])(?:{'|'.join(places)})(?![\w-])", lambda found: places[found[0]], line)


def _write_rows(folder: Path) -> None:
    texts = ("give my money back for", "nothing has come yet of", "the bill is too high for")
    kinds = ("refund", "delivery", "invoice")
    rows = [(f"please {texts[n % 3]} case {n * 7919}", kinds[n % 3]) for n in range(180)]
    rows.append((rows[0][0], kinds[1]))  # a contradiction
    lines = [f"{text},{kind}" for text, kind in rows]
    (folder / "rows.csv").write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    (folder / "few.csv").write_text("\n".join(["text,label", *lines[:8]]), encoding="utf-8")
    (folder / "messages.csv").write_text("\n".join(["text", *(f"{text} again" for text, _ in rows[:9])]))
    records = [json.dumps({"text": f"{text} now", "label": kind}) for text, kind in rows[:30]]
    (folder / "lines.jsonl").write_text("\n".join(records), encoding="utf-8")
