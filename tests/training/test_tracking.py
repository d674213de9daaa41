"""Trackers get every step once, whatever happens to them or to the run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.settings import Settings
from narrowcast.errors import NarrowcastError, StageError
from narrowcast.training.outputs.trace import read_trace
from narrowcast.training.preflight.examine import examine
from narrowcast.training.tracking import feeds
from narrowcast.training.tracking.address import is_remote, scrubbed, shown
from narrowcast.training.tracking.base import TRACKERS, Begun

pytestmark = pytest.mark.nightly

KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _no_servers(monkeypatch, tmp_path):
    for name in ("MLFLOW_TRACKING_URI", "WANDB_BASE_URL", "WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no ~/.netrc


def wandb_rows(file: Path) -> list[dict[str, float]]:
    """History rows of an offline file: blocks of 32 KiB in LevelDB's log format, a protobuf a record."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, record, rows = file.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:  # no room for a header before the next block
            at += 32768 - at % 32768
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        record += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            parsed, record = Record.FromString(record), b""
            if parsed.HasField("history"):
                items = parsed.history.item
                rows.append({(i.key or i.nested_key[0]): json.loads(i.value_json) for i in items})
                rows[-1]["_step"] = parsed.history.step.num
    return rows


def test_a_resumed_run_is_tracked_once_and_without_secrets(workshop, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    options = {"method": "full", "epochs": 1, "track": ["mlflow", "wandb"], "checkpoint_every": 3}
    workshop.interrupt(4, **options)
    result = workshop.train(resume=True, **options)
    trace = read_trace(workshop.project.root / result.trace)
    losses = {line.step: line.loss for line in trace if line.loss is not None}
    assert list(losses) == list(range(1, 9))

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=result.tracking["mlflow"])
    experiment = client.get_experiment_by_name(workshop.project.root.name)
    (run,) = client.search_runs([experiment.experiment_id])  # one run, in spite of the interruption
    history = client.get_metric_history(run.info.run_id, "loss")
    assert {each.step: each.value for each in history} == pytest.approx(losses, rel=1e-5)
    assert len(history) == len(losses)
    assert run.info.status == "FINISHED"
    assert run.data.params["learning_rate"] == "0.001"
    assert run.data.tags["weights_sha256"] == result.weights_sha256
    assert run.data.metrics["dev_loss"] == pytest.approx(result.dev_loss, rel=1e-5)

    (file,) = Path(result.tracking["wandb"]).glob("*.wandb")
    rows = wandb_rows(file)
    assert {row["_step"]: row["loss"] for row in rows if "loss" in row} == pytest.approx(losses, rel=1e-5)
    assert rows[-1]["dev_loss"] == pytest.approx(result.dev_loss, rel=1e-5)
    assert [code for code, _, _ in workshop.events].count("training_tracked") == 4
    for written in [workshop.project.adapters, workshop.project.runs]:
        for path in (each for each in written.rglob("*") if each.is_file()):
            assert KEY.encode() not in path.read_bytes()
    assert KEY not in json.dumps(workshop.events)


class Broken:
    """A plug-in whose server never answers after the run began."""

    taken: list[int] = []  # noqa: RUF012 - read by the test
    refusals = 10**9

    def check(self, settings: Settings) -> None:
        pass

    def begin(self, run: Any) -> Begun:
        return Begun("1", "nowhere")

    def log(self, points: Any) -> None:
        if type(self).refusals > 0:
            type(self).refusals -= 1
            raise ConnectionError("http://someone:hunter2@host is down")
        type(self).taken += [point.step for point in points if "loss" in point.figures]

    def end(self, *_: Any) -> None:
        pass


class Recovering(Broken):
    """Refuses twice, then takes everything."""

    taken: list[int] = []  # noqa: RUF012
    refusals = 2


def test_a_tracker_that_fails_is_an_event_and_a_line_but_never_the_end(workshop, monkeypatch):
    for name, plugin in (("broken", "Broken"), ("recovering", "Recovering")):
        monkeypatch.setitem(TRACKERS._builtins, name, f"{__name__}:{plugin}")
    monkeypatch.setattr(feeds, "_EVERY", 0.005)
    result = workshop.train(method="full", epochs=2, track=["broken", "recovering"])
    assert result.tracking["recovering"] == "nowhere"
    assert Recovering.taken == list(range(1, 17))
    assert result.tracking["broken"] == "failed: ConnectionError: http://***@host is down"
    told = [payload["tracker"] for code, _, payload in workshop.events if code == "training_tracker_failed"]
    assert told.count("broken") == 1  # the other one may have recovered before anyone looked
    assert Broken.taken == []


def _codes(workshop, settings: Settings, **options: object) -> Iterator[tuple[str, str]]:
    context = workshop.context()
    context.settings = settings
    for each in examine(workshop.options(**options), context).blockers:
        yield each.reason_code, each.fix


def test_offline_mode_refuses_other_machines_and_names_what_stays_here(workshop, monkeypatch):
    offline = Settings.from_environment().model_copy(update={"offline": True})
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://someone:hunter2@tracker.example/x")
    found = dict.fromkeys(_codes(workshop, offline, track=["mlflow", "wandb"]))
    assert {code for code, _ in found} == {"training_tracker_unusable"}
    fixes = " ".join(fix for _, fix in found)
    assert "unset MLFLOW_TRACKING_URI" in fixes
    assert "WANDB_MODE=offline" in fixes
    with pytest.raises(NarrowcastError) as caught:
        TRACKERS.get("mlflow")().check(offline)
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert not list(_codes(workshop, offline, track=["mlflow", "wandb"]))


def test_a_key_is_asked_for_before_anything_is_spent(workshop):
    assert [code for code, _ in _codes(workshop, Settings.from_environment(), track=["wandb"])] == [
        "training_tracker_unusable"
    ]


def test_a_server_that_is_not_there_stops_the_run_before_it_begins(workshop, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:hunter2@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(StageError, match="mlflow cannot be reached") as caught:
        workshop.train(track=["mlflow"])
    assert caught.value.reason_code == "training_tracker_unusable"
    assert "hunter2" not in str(caught.value)
    assert "training_started" not in [code for code, _, _ in workshop.events]


def test_trackers_do_not_change_the_run_id(workshop):
    assert workshop.options(track=["mlflow"]).identity() == workshop.options().identity()


@pytest.mark.parametrize(
    ("address", "remote", "plain"),
    [
        ("sqlite:////a/b.db", False, "sqlite:////a/b.db"),
        ("http://127.0.0.1:5000", False, "http://127.0.0.1:5000"),
        ("http://localhost/x?token=1", False, "http://localhost/x"),
        ("https://u:p@host/x", True, "https://host/x"),
        ("postgresql://u:p@10.0.0.1/db", True, "postgresql://10.0.0.1/db"),
        ("databricks", True, "databricks"),
    ],
)
def test_addresses(address, remote, plain):
    assert is_remote(address) is remote
    assert shown(address) == plain
    assert ":p@" not in scrubbed(f"failed at {address}")
