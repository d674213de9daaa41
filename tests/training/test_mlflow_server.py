"""Tracking over HTTP, with a server of MLflow's own on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from narrowcast.training.outputs.trace import read_trace

pytestmark = pytest.mark.nightly

_STARTS = 120.0  # seconds


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Its address; a store in a file of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    store = ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    store += ["--artifacts-destination", str(tmp_path / "artifacts")]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--workers", "1", *store], stdout=log, stderr=log, start_new_session=True
        )
        try:
            began = time.monotonic()
            while not _answers(address):
                assert process.poll() is None, (tmp_path / "server.log").read_text()
                assert time.monotonic() - began < _STARTS, "the server does not answer"
                time.sleep(0.2)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # its worker too
            process.wait(30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_a_server_holds_every_update_once_after_an_interruption(workshop, server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    options = {"method": "full", "epochs": 1, "track": ["mlflow"], "checkpoint_every": 3}
    workshop.interrupt(4, **options)
    result = workshop.train(resume=True, **options)
    assert result.tracking["mlflow"] == server
    losses = {line.step: line.loss for line in read_trace(workshop.project.root / result.trace) if line.loss}

    def asked(path: str, **fields: object) -> dict[str, object]:
        return httpx.post(f"{server}/api/2.0/mlflow/{path}", json=fields).raise_for_status().json()

    found = httpx.get(
        f"{server}/api/2.0/mlflow/experiments/get-by-name",
        params={"experiment_name": workshop.project.root.name},
    ).json()
    (run,) = asked("runs/search", experiment_ids=[found["experiment"]["experiment_id"]])["runs"]
    assert run["info"]["status"] == "FINISHED"
    history = httpx.get(
        f"{server}/api/2.0/mlflow/metrics/get-history",
        params={"run_id": run["info"]["run_id"], "metric_key": "loss"},
    ).json()["metrics"]
    assert sorted(each["step"] for each in history) == sorted(losses)
    assert {each["step"]: each["value"] for each in history} == pytest.approx(losses, rel=1e-5)
