"""Locks: one holder, and looking at one does not keep others from taking it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from narrowcast.core.concerns import MEASUREMENT, ROWS
from narrowcast.errors import ProjectBusyError
from narrowcast.store.lock import ProjectLocks, is_held, take


def test_a_lock_has_one_holder_until_its_file_is_closed(tmp_path: Path):
    path = tmp_path / "lock"
    with path.open("a") as first, path.open("a") as second:
        assert take(first)
        assert is_held(path)
        assert not take(second, seconds=0.1)
    assert not is_held(path)


def test_looking_at_a_lock_does_not_keep_others_from_taking_it(tmp_path: Path):
    path = tmp_path / "lock"
    path.touch()
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            is_held(path)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(300):
            with path.open("a") as file:
                assert take(file)
    finally:
        ended.set()
        looker.join()


def test_a_process_that_holds_several_locks_is_named_once(tmp_path: Path):
    mine, other = ProjectLocks(tmp_path), ProjectLocks(tmp_path)
    held = (mine.hold("run", ROWS), mine.hold("baseline", MEASUREMENT))
    with held[0], held[1], pytest.raises(ProjectBusyError) as caught, other.hold("project move"):
        pass
    assert caught.value.where == f"process {os.getpid()}: run, baseline"
