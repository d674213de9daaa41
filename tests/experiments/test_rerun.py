"""A run repeated from its manifest ends with the same bits, or says what differs."""

from __future__ import annotations

import json

import pytest

from narrowcast.errors import DataError, WorkspaceError
from narrowcast.experiments.requests import RerunRequest, TrainRequest
from narrowcast.experiments.rerun import rerun
from narrowcast.models import loading
from narrowcast.ops.train import train
from tests.support.datasets import save_dataset, sentences, split_rows

pytestmark = pytest.mark.nightly


def test_rerun_reproduces_the_weights(project, tiny_base, monkeypatch):
    rows = sentences(60)
    save_dataset(project.paths.root, split_rows(rows, dev=12))
    options = {"base": str(tiny_base), "epochs": 1, "batch_size": 8, "method": "lora", "preflight": "off"}
    made = train(project, TrainRequest(options=options, force=True))
    save_dataset(project.paths.root, split_rows(rows[8:], dev=12))  # a newer version
    found = rerun(project, RerunRequest(run=made.run_id))
    assert found.identical
    assert found.weights_sha256 == made.weights_sha256
    assert found.changed == []
    assert not (project.paths.root / "training" / "reruns" / made.run_id).exists()
    manifest = project.paths.adapters / made.run_id / "run.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "seed": 1, "recipe": {**told["recipe"], "seed": 1}}))
    with pytest.raises(WorkspaceError, match="edited or replaced"):
        rerun(project, RerunRequest(run=made.run_id))
    monkeypatch.setattr(loading, "require_unedited", lambda *_: None)  # a run that another machine made
    other = rerun(project, RerunRequest(run=made.run_id))
    assert not other.identical
    assert (project.paths.root / other.folder / "run.json").exists()
    ended = [event for event in project.trail.events() if event.parent == made.run_id]
    codes = [event.reason_code for event in ended if event.reason_code != "stage_started"]
    assert codes[-2:] == ["training_rerun", "training_rerun_differs"]
    manifest.write_text(json.dumps({**told, "dataset_version": "0" * 64}))
    with pytest.raises(DataError) as caught:
        rerun(project, RerunRequest(run=made.run_id))
    assert caught.value.reason_code == "dataset_version_unknown"
