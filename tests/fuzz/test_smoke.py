"""A few inputs of `make fuzz` in this process, and that its checks find what they look for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
import typer.main

from narrowcast.cli.root import load_command
from tests.fuzz.kinds import KINDS, RUNS, make
from tests.fuzz.place import Place
from tests.fuzz.record import Input, Outcome
from tests.fuzz.seeds import csv_text
from tests.fuzz.table import meets_the_bars, table

_SLOW = ("clean", "hf", "kaggle", "s3, gs", "http", "gguf", "model folder", "request")
_INPUTS = 200


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in ("TMPDIR", "NARROWCAST_ALLOW_PRIVATE_ADDRESSES", "NARROWCAST_HOME"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setattr(tempfile, "tempdir", None)
    # As in the child process: half of the time of a small import is typer's.
    monkeypatch.setattr("typer.main.get_command", lru_cache(typer.main.get_command))
    monkeypatch.setattr("narrowcast.cli.root.load_command", lru_cache(load_command))
    made = Place(tmp_path / "place", tmp_path)
    yield made
    made.close()


def run(place: Place, given: Input) -> Outcome:
    outcome = Outcome()
    with place.ready(given):
        RUNS[given.kind](place, given, outcome)
        place.inspect(outcome)
    return outcome


def import_of(content: str, *words: str) -> Input:
    command = ["data", "import", "--locator", "csv:{folder}/rows.csv", "--auto", "--json", *words]
    return Input("source", {"rows.csv": content.encode()}, [command])


def test_some_inputs_of_each_quick_kind(place: Place) -> None:
    found = []
    quick = [each for each in KINDS if each not in _SLOW]
    for number in range(_INPUTS):
        kind, given = make(0, number, place.seeds, only=quick[number % len(quick)])
        found.append({"kind": kind, **run(place, given).to_dict()})
    assert sum(row["accepted"] for row in found) > _INPUTS / 5
    assert meets_the_bars(found), table(found) + "".join(f"\n{row['note']}" for row in found)


def test_what_is_wrong_is_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    given = import_of(csv_text())
    assert run(place, given).accepted
    (place.temporary / "narrowcast-clean").mkdir()
    assert run(place, given).problem == "left-over"

    def broken(*_: object, **__: object) -> None:
        raise AttributeError("no such attribute")

    with monkeypatch.context() as patch:
        patch.setattr("narrowcast.connectors.csv_file.CsvConnector.describe", broken)
        assert run(place, given).problem == "traceback"
    outcome = run(place, import_of("text\n"))
    assert (outcome.accepted, outcome.problem) == (False, "")
    assert outcome.code


def test_an_input_follows_from_seed_and_number_and_survives_a_file(place: Place, tmp_path: Path) -> None:
    for kind in KINDS:
        if kind not in ("gguf", "model folder"):
            _, given = make(5, 7, place.seeds, only=kind)
            assert make(5, 7, place.seeds, only=kind) == (kind, given)
            given.save(tmp_path / "kept.json", {})
            assert Input.read(tmp_path / "kept.json") == given
