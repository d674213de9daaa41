"""The commands that the pages show: each is understood, and does what the page says where that takes seconds.

Commands that train are run by the nightly suite, with a model of two layers.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from narrowcast.core.settings import Settings
from narrowcast.factory.rubric import DIMENSIONS
from narrowcast.pipeline.project import Project
from narrowcast.testing.teacher_server import Reply, TeacherServer
from tests.docs.examples import EXAMPLES
from tests.support.cli import Completed, run_here
from tests.support.command_lines import mistake_in
from tests.support.pages import PAGES, Shown, commands, inline_code

# Its test also compares the page with the package that it explains.
_ELSEWHERE = {"docs/plugins.md": "tests/plugins/test_page.py"}
_QUICK = [
    page
    for page, example in EXAMPLES.items()
    if any(
        each.runs and not each.text.startswith((*example.nightly, *example.parsed)) for each in commands(page)
    )
]
_NIGHTLY = [page for page, example in EXAMPLES.items() if example.nightly]

T = TypeVar("T")

_ID = re.compile(r"\b(imp|exp|gen|cln)-[0-9a-f]{8,10}\b")
_PROJECTS = re.compile(r"(?<=:)/\S*/projects/[\w-]+(?=/)")
_VERSION = re.compile(r"^[0-9a-f]{6}$")
_WORD = re.compile(r"[^\W\d_][\w.-]*")


@pytest.mark.parametrize("page", PAGES)
def test_each_command_of_a_page_is_understood(page: str) -> None:
    written = {str(shown): shown.text for shown in commands(page) if shown.runs}
    named = {f"{page}: {code}": code for code in inline_code(page) if code.startswith("narrowcast ")}
    found = {place: mistake_in(text) for place, text in (written | named).items()}
    # `narrowcast rerun` is the name of a command, without what it takes.
    wrong = [
        f"{place}\n    {mistake}"
        for place, mistake in found.items()
        if mistake and not (place in named and re.search("^Missing|: is required", mistake))
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_page_with_commands_has_an_example() -> None:
    shown = {page for page in PAGES if any(each.runs for each in commands(page))}
    assert shown == {*_ELSEWHERE, *EXAMPLES}


def test_every_exception_is_on_its_page() -> None:
    for page, example in EXAMPLES.items():
        texts = [each.text for each in commands(page)]
        for start in (*example.nightly, *example.parsed, *example.codes, *example.alone):
            assert any(text.startswith(start) for text in texts), f"{page} no longer has {start}"


def _judge(server: TeacherServer, body: dict[str, Any], _: int) -> Reply | None:
    """Accept each row that is to be judged; rows are written as the server does by itself."""
    if DIMENSIONS[0] not in body["messages"][0]["content"]:
        return None
    scores = {**dict.fromkeys(DIMENSIONS, 4), "format": 5}
    return server.said(
        body, json.dumps({"decision": "accept", "scores": scores, "reason": "good", "fixed_row": None})
    )


@pytest.fixture
def teacher() -> Iterator[TeacherServer]:
    server = TeacherServer(script=_judge)
    yield server
    server.close()


@pytest.mark.parametrize("page", _QUICK)
def test_the_commands_of_a_page_run(
    page: str, tmp_path: Path, teacher: TeacherServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_out = (*EXAMPLES[page].nightly, *EXAMPLES[page].parsed)
    Reader(page, tmp_path, monkeypatch, teacher).read(left_out)


@pytest.mark.nightly
@pytest.mark.parametrize("page", _NIGHTLY)
def test_the_commands_of_a_page_that_train_run(
    page: str, tmp_path: Path, teacher: TeacherServer, monkeypatch: pytest.MonkeyPatch, tiny_base: Path
) -> None:
    Reader(page, tmp_path, monkeypatch, teacher, tiny_base).read(tuple(EXAMPLES[page].parsed))


class Reader:
    """Types what a page shows, in a folder and a workspace of its own."""

    def __init__(
        self,
        page: str,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        teacher: TeacherServer,
        base: Path | None = None,
    ) -> None:
        self.page, self.folder, self.example, self.base = page, folder, EXAMPLES[page], base
        self.environment, self.teacher = monkeypatch, teacher
        for name, write in self.example.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path)

    def read(self, left_out: tuple[str, ...]) -> None:
        """Run the commands of the page, except those that begin like one of these."""
        trains = self.example.trains
        for text in self.example.before:
            self.type(text)
        for shown in commands(self.page):
            if shown.text.startswith("export NARROWCAST_TEACHER"):
                self.environment.setenv("NARROWCAST_TEACHER_URL", self.teacher.url)
                self.environment.setenv("NARROWCAST_TEACHER_MODEL", "counting")
            if not shown.runs or shown.text.startswith(left_out):
                continue
            if trains and shown.text.startswith(self.example.nightly):
                for text in trains:
                    self.type(text)
                trains = ()
            if shown.text.startswith(self.example.alone or ("\0",)):
                self.type(f"narrowcast init 'line {shown.line}'")
            code = _of_beginning(self.example.codes, shown.text, 0)
            added = _of_beginning(self.example.added, shown.text, "")
            _assert_alike(shown, self.type(f"{shown.text} {added}" if added else shown.text, code))

    def type(self, text: str, code: int = 0) -> Completed:
        """Run one command, with ids of this project in place of the page's."""
        words = [self._real(each) for each in shlex.split(text, comments=True)]
        assert words[0] == "narrowcast"
        done = run_here(*words[1:], cwd=self.folder, code=code)
        if words[1] == "init":
            self._shorten()
        return done

    def _real(self, word: str) -> str:
        if _VERSION.match(word):
            return str(json.loads(run_here("data", "versions", "--json").stdout)[0]["version"])
        if word.startswith(("/data/", "/backups/")):
            return str(self.folder / word[1:])
        if word == "RUN":
            return self._newest("exp") or word
        return _ID.sub(lambda found: self._newest(found[1]) or found[0], word)

    def _newest(self, kind: str) -> str | None:
        """The id of the project's first import, of its last run, ..."""
        with Project.open(Settings.from_environment()) as project:
            files = [project.paths.registry / "imports.jsonl", project.paths.registry / "runs.jsonl"]
            text = "".join(file.read_text(encoding="utf-8") for file in files if file.exists())
        return next(iter(re.findall(rf"\b{kind}-[0-9a-f]+", text)), None)

    def _shorten(self) -> None:
        """Give the newest project the settings that keep its runs short."""
        with Project.open(Settings.from_environment()) as project:
            value = yaml.safe_load(project.paths.config.read_text(encoding="utf-8"))
            text = json.dumps(self.example.settings).replace('"BASE"', json.dumps(str(self.base)))
            project.paths.config.write_text(yaml.safe_dump(value | json.loads(text)), encoding="utf-8")


def _of_beginning(values: Mapping[str, T], text: str, otherwise: T) -> T:
    return next((value for start, value in values.items() if text.startswith(start)), otherwise)


def _assert_alike(shown: Shown, done: Completed) -> None:
    """Each shown line begins with the word of a printed one, in order; figures and ids may differ."""
    printed = (done.stdout + done.stderr).splitlines()
    words = iter(_first_words(printed))
    for word in _first_words(shown.output):
        assert word in words, f"{shown}\nno line begins with {word!r}:\n{done.stdout}{done.stderr}"
    for line in shown.output:
        if line.startswith("next: "):
            assert _anywhere(line) in map(_anywhere, printed), done.stdout


def _anywhere(line: str) -> str:
    """A line without ids, and without the folder in which projects lie."""
    return _PROJECTS.sub("", _ID.sub("", line))


def _first_words(lines: list[str]) -> list[str]:
    return [found[0] for line in lines if (found := _WORD.search(_ID.sub(r"\1", line)))]
