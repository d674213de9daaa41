"""Many rows: every pass over them shows its progress and can be stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from narrowcast.core import work
from narrowcast.core.progress import CancelToken, NullProgress
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError
from narrowcast.ops.clean import clean
from narrowcast.ops.requests import CleanRequest
from narrowcast.pipeline.project import Project

ROWS = 500
PASSES = ("reading the rows", "measuring the texts", "cleaning the rows")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    with path.open("w") as file:
        for number in range(ROWS):
            file.write(json.dumps({"text": f"Sentence {number} of the text."}) + "\n")
    return path


def request(source: Path) -> CleanRequest:
    return CleanRequest(locator=f"jsonl:{source}", options={"pii": "off", "secrets": "off"})


class _Display(NullProgress):
    """Notes what is shown, and stops the work at the first progress of one phase."""

    def __init__(self, stop_in: str = "") -> None:
        self.token, self.shown, self.totals = CancelToken(), dict[str, int](), dict[str, int | None]()
        self._stop_in, self._phase = stop_in, ""

    def start(self, description: str, total: int | None = None) -> None:
        self._phase, self.totals[description] = description, total

    def advance(self, units: int = 1, **fields: str | float) -> None:
        self.shown[self._phase] = self.shown.get(self._phase, 0) + units
        if self._phase == self._stop_in:
            self.token.cancel()


def test_each_pass_shows_how_many_rows_are_done(project: Project, source: Path) -> None:
    display = _Display()
    clean(project, request(source), Work(display, display.token))
    assert display.shown == dict.fromkeys(PASSES, ROWS)
    assert display.totals == dict(zip(PASSES, (None, ROWS, ROWS), strict=True))


@pytest.mark.parametrize("phase", PASSES)
def test_each_pass_can_be_stopped_and_keeps_nothing(
    project: Project, source: Path, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_PAUSE", 0.0)
    display = _Display(phase)
    with pytest.raises(CancelledError):
        clean(project, request(source), Work(display, display.token))
    assert display.shown[phase] < 10
    assert project.trail.events()[-1].reason_code == "cleaning_cancelled"
    assert not [each for each in project.paths.cleaned.rglob("*") if each.is_file()]
