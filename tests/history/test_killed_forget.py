"""A deletion that is killed at any step: the next one finishes it, and each has exactly one event."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from narrowcast.audit.event import RunEvent
from narrowcast.core.settings import Settings
from narrowcast.errors import DataError
from narrowcast.ops.evaluate import baseline
from narrowcast.ops.prepare import prepare
from narrowcast.ops.requests import BaselineRequest
from narrowcast.pipeline.project import Project
from tests.stages.gate.rows import LABELS, row
from tests.support.factory import declare_labels, import_labelled, write_rows
from tests.support.history import forget
from tests.support.kills import count_steps, killed_at


class Place:
    """A prepared project that is put back for each attempt."""

    def __init__(self, settings: Settings, kept: Path) -> None:
        self._settings, self._kept = settings, kept
        self.root = settings.home / "project"

    def reset(self) -> None:
        shutil.rmtree(self._settings.home, ignore_errors=True)
        shutil.copytree(self._kept, self._settings.home)

    def open(self) -> Project:
        return Project.open(self._settings, str(self.root))

    def delete(self, **fields: Any) -> None:
        """As a command does it, in whichever process."""
        with self.open() as project:
            forget(project, delete=True, **fields)

    def files(self) -> dict[str, str]:
        """Name → content, apart from the trail, and from what a killed process half wrote."""
        return {
            path.relative_to(self.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.root.rglob("*")
            if path.is_file() and ".part" not in str(path) and not path.name.startswith(("events", "lock"))
        }

    def problems(self) -> list[str]:
        """What `audit verify` finds, before another command has run."""
        with self.open() as project:
            return project.trail.verify().problems

    def told(self) -> list[RunEvent]:
        """The events of deletions; the trail is intact."""
        with self.open() as project:
            assert project.trail.verify().intact
            return [each for each in project.trail.events() if each.reason_code == "dataset_rows_forgotten"]


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Place:
    with Project.create(settings, "task", settings.home / "project") as project:
        declare_labels(project, LABELS)
        import_labelled(project, write_rows(tmp_path / "rows.jsonl", map(row, range(40))))
        prepare(project)
        baseline(project, BaselineRequest(options={"models": ["majority"], "samples": 100}))
    settings.home.rename(tmp_path / "kept")
    place = Place(settings, tmp_path / "kept")
    place.reset()
    return place


def ids(place: Place, *numbers: int) -> list[str]:
    with place.open() as project:
        [name] = [path.stem for path in project.paths.accepted.glob("imp-*.jsonl")]
    return [f"{name}:{number}" for number in numbers]


def test_the_same_command_finishes_a_killed_deletion_with_one_event(place: Place) -> None:
    wanted = ids(place, 3, 8)
    place.delete(ids=wanted)
    expected, [event] = place.files(), place.told()
    place.reset()
    steps = count_steps(place.root, lambda: place.delete(ids=wanted))
    assert steps
    for step in range(1, steps + 1):
        place.reset()
        killed_at(step, place.root, lambda: place.delete(ids=wanted))
        assert not place.problems(), step  # what was rewritten was not edited
        place.delete(ids=wanted)
        assert not place.problems(), step
        assert [(each.payload, each.run) for each in place.told()] == [(event.payload, event.run)], step
        assert place.files() == expected, step


def test_another_deletion_finishes_a_killed_one_first(place: Place) -> None:
    wanted, others = ids(place, 3, 8), ids(place, 5)
    steps = count_steps(place.root, lambda: place.delete(ids=wanted))
    place.reset()
    killed_at(steps - 6, place.root, lambda: place.delete(ids=wanted))
    with place.open() as project:
        assert set(forget(project, ids=others).ids) == {*wanted, *others}, "a dry run shows both"
        done = forget(project, ids=others, delete=True)
    assert (done.ids, done.interrupted) == (others, 2)
    assert [each.payload["rows"] for each in place.told()] == [2, 1]
    with place.open() as project, pytest.raises(DataError, match="no row matches"):
        forget(project, ids=[*wanted, *others], delete=True)
