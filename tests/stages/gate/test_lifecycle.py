"""Every gate run ends in one event with its run and its generation, whatever ended it; one run at a time."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from narrowcast.core.progress import CancelToken
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, DataError, PluginError, ProjectBusyError
from narrowcast.factory.requests import GateRequest
from narrowcast.ops.generations import gate as gate_rows
from narrowcast.pipeline.project import Project
from narrowcast.store.imports import read_records
from narrowcast.store.stage_records import running_stages
from tests.stages.gate.rows import row
from tests.support.events import last_run
from tests.support.factory import gate, write_rows
from tests.support.plugins import install_plugin


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Twelve rows that pass."""
    return write_rows(tmp_path / "some.jsonl", map(row, range(12)))


def test_a_run_belongs_to_its_generation(labelled: Project, rows: Path) -> None:
    result = gate(labelled, rows=rows)
    started, ended = last_run(labelled)
    assert (started.reason_code, ended.reason_code) == ("stage_started", "factory_gate_run")
    assert started.run == ended.run
    assert started.parent == ended.parent == result.generation
    assert ended.payload["import"] == read_records(labelled.paths)[-1].id


def test_a_generation_that_is_not_there_is_refused_with_an_event(labelled: Project) -> None:
    with pytest.raises(DataError, match="there is no generation gen-none"):
        gate(labelled, generation="gen-none")
    [ended] = last_run(labelled)
    assert ended.reason_code == "factory_rows_missing"
    assert ended.run is not None


def test_where_no_row_passes_the_run_fails_with_an_event(labelled: Project, tmp_path: Path) -> None:
    trivial = write_rows(tmp_path / "trivial.jsonl", [{"text": "x", "label": "billing"}])
    with pytest.raises(DataError, match="none of 1 rows"):
        gate(labelled, rows=trivial)
    ended = last_run(labelled)[-1]
    assert (ended.reason_code, ended.payload["cause"]) == ("factory_gate_failed", "dataset_rows_rejected")


def test_a_cancelled_run_imports_nothing_and_ends_with_an_event(labelled: Project, rows: Path) -> None:
    token = CancelToken()
    token.cancel()
    before = read_records(labelled.paths)
    with pytest.raises(CancelledError):
        gate_rows(labelled, GateRequest(options={"rows": rows}), Work(cancel=token))
    assert last_run(labelled)[-1].reason_code == "factory_cancelled"
    assert read_records(labelled.paths) == before


FAULTY = """
def faulty(rows, context):
    return {rows[0].index: 1 / 0}
"""


def test_a_plug_in_that_raises_ends_the_run(
    labelled: Project, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plugin"
    folder.mkdir()
    install_plugin(
        folder, monkeypatch, kind="gate", name="faulty", module="narrowcast_faulty_gate", source=FAULTY
    )
    before = read_records(labelled.paths)
    with pytest.raises(PluginError, match=r"narrowcast_faulty_gate 1\.0 failed: ZeroDivisionError") as failed:
        gate(labelled, rows=rows, optional=["faulty"])
    assert failed.value.where.startswith("narrowcast_faulty_gate.py:")
    started, ended = last_run(labelled)
    assert (started.reason_code, ended.reason_code) == ("stage_started", "system_plugin_failed")
    assert started.run == ended.run
    assert started.parent == ended.parent is not None
    assert ended.payload["exception"] == "ZeroDivisionError"
    assert running_stages(labelled.paths) == []
    assert read_records(labelled.paths) == before


WAITING = """
import threading

reached, released = threading.Event(), threading.Event()

def waiting(rows, context):
    reached.set()
    assert released.wait(60)
    return {}
"""


def test_of_two_simultaneous_runs_one_is_refused(
    labelled: Project, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plugin"
    folder.mkdir()
    install_plugin(
        folder, monkeypatch, kind="gate", name="waiting", module="narrowcast_waiting_gate", source=WAITING
    )
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gate, labelled, rows=rows, optional=["waiting"])
        plugin = importlib.import_module("narrowcast_waiting_gate")
        try:
            assert plugin.reached.wait(60)
            with pytest.raises(ProjectBusyError):
                gate(labelled, rows=rows)
        finally:
            plugin.released.set()
        assert first.result().record is not None
    codes = [event.reason_code for event in last_run(labelled)]
    assert codes == ["stage_started", "factory_gate_run"]
    assert len([record for record in read_records(labelled.paths) if record.generated_by]) == 1
