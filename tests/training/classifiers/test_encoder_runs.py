"""Fine-tuned sentence encoders: better than frozen, resumed exactly, saved with their own weights."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, StageError, WorkspaceError
from narrowcast.experiments.requests import TrainRequest
from narrowcast.ops import train as ops
from narrowcast.pipeline.project import Project
from narrowcast.training.classifiers import tune
from tests.support.cli import Cli, CliJson
from tests.support.progress import Notes
from tests.support.stopping import Stopping
from tests.training.classifiers.conftest import Prepare, label_sets, one_label

HOW = ["--method", "encoder", "--epochs", "4", "--learning-rate", "1e-3", "--batch-size", "8"]


def test_an_encoder_learns_what_its_vectors_did_not_say(
    prepared: Prepare, project: Project, cli: Cli, cli_json: CliJson, encoder: Path
) -> None:
    prepared(one_label())
    frozen = cli_json("train", "--method", "linear", "--features", "encoder", "--base", encoder)
    tuned = cli_json("train", *HOW, "--base", encoder)
    assert tuned["dev_loss"] < frozen["dev_loss"] - 0.1
    folder = project.paths.adapters / tuned["run_id"] / "encoder"
    assert (folder / "model.safetensors").read_bytes() != (encoder / "model.safetensors").read_bytes()
    names = [f"run:{frozen['run_id']}", f"run:{tuned['run_id']}"]
    results = cli_json("eval", *names, "--samples", "200", code=None)["results"]
    scores = [each["metrics"]["macro_f1"]["value"] for each in results]
    assert scores[1] > scores[0]
    shown = cli("runs", "show", tuned["run_id"]).stdout
    assert "encoder classifier on" in shown
    assert cli_json("rerun", tuned["run_id"])["identical"]


def test_the_next_command_trains_a_model_of_the_same_kind(
    prepared: Prepare, cli: Cli, cli_json: CliJson, encoder: Path
) -> None:
    rows = one_label()
    for row, other in zip(rows[::5], rows[1::5], strict=True):  # so that no baseline is perfect
        row["label"] = other["label"]
    prepared(rows)
    cli("train", *HOW, "--epochs", "1", "--learning-rate", "1e-6", "--base", encoder)
    found = cli_json("eval", "--samples", "200", code=None)["conclusion"]
    assert f"narrowcast train --method encoder --base {encoder} --epochs 20" in found["next"]
    assert "updates, the default is " in found["sentence"]
    cli("train", "--method", "linear", "--features", "characters", "--rows", "8")
    found = cli_json("eval", "--samples", "200", code=None)["conclusion"]
    assert "narrowcast train --method linear --features characters --classifier svm" in found["next"]


def test_a_baseline_that_was_not_measured_is_not_called_the_same_model(
    prepared: Prepare, cli: Cli, cli_json: CliJson
) -> None:
    prepared(one_label(480), baselines="majority")
    cli("train", "--method", "linear", "--features", "words,characters")
    assert "svm" not in cli_json("eval", "--samples", "200", code=None)["conclusion"]["sentence"]
    cli("baseline", "--models", "majority,svm", "--samples", "200")
    found = cli_json("eval", "--samples", "200", code=None)["conclusion"]["sentence"]
    assert "svm, the same model, is not compared" in found


def test_an_encoder_with_sets_of_labels(prepared: Prepare, cli_json: CliJson, encoder: Path) -> None:
    prepared(label_sets(240))
    cli_json("train", *HOW, "--epochs", "30", "--learning-rate", "3e-3", "--base", encoder)
    result = cli_json("eval", "--samples", "200", code=None)
    assert result["metrics"][result["primary"]]["value"] > 0.6


def test_an_interrupted_run_ends_in_the_same_weights(
    prepared: Prepare,
    project: Project,
    encoder: Path,
    cli_json: CliJson,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared(one_label(80))
    options = {
        "method": "encoder", "epochs": 3, "learning_rate": 1e-3, "batch_size": 8, "base": str(encoder),
    }  # fmt: skip
    with pytest.raises(CancelledError, match="first epoch") as caught:
        ops.train(project, TrainRequest(options=options), Stopping(3).work)
    assert caught.value.next_command == "the same command again"
    with pytest.raises(StageError, match="cannot be resumed") as refused:
        ops.train(project, TrainRequest(resume=True))
    assert "then narrowcast train --base " in str(refused.value.next_command)
    assert "--method encoder --epochs 3" in str(refused.value.next_command)
    slow = count(step=1000.0)  # a thousand seconds between any two looks at this clock
    with (
        pytest.raises(CancelledError, match="last whole epoch") as caught,  # in the second
        monkeypatch.context() as patch,
    ):
        patch.setattr(tune, "time", SimpleNamespace(perf_counter=lambda: next(slow)))
        ops.train(project, TrainRequest(options=options), Stopping(12).work)
    assert caught.value.next_command == "narrowcast train --resume"
    seen = cli_json("train", "--resume", "--dry-run")
    recipe = seen["plan"]["recipe"]
    assert (recipe["method"], recipe["epochs"]) == ("encoder", 3)
    freed = {
        each["what"]: each["reason"] for each in cli_json("gc", "--interrupted", "--dry-run")["holdings"]
    }
    assert freed["interrupted run"] == "asked for, although it could be resumed"
    (state,) = project.paths.runs.glob("*/checkpoints/*/state.safetensors")
    written = state.read_bytes()
    state.write_bytes(written[:-1] + bytes([written[-1] ^ 1]))
    with pytest.raises(WorkspaceError, match="this file of the checkpoint was edited"):
        ops.train(project, TrainRequest(resume=True))
    state.write_bytes(written)
    noted = Notes()
    parts = ops.train(project, TrainRequest(resume=True), Work(noted))
    assert "continuing from step " in " ".join(noted.notes)
    assert 1000 < parts.seconds < 2000  # with those of the first epoch
    assert not list((project.paths.runs / parts.run_id).glob("checkpoints/*"))
    whole = ops.train(project, TrainRequest(options=options, force=True))
    assert (parts.run_id, parts.weights_sha256) == (whole.run_id, whole.weights_sha256)


def test_the_processor_decides_in_what_an_encoder_is_trained(
    prepared: Prepare, cli: Cli, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is trained there also where there is a GPU."""
    import torch
    from transformers import PreTrainedModel

    from narrowcast.models.arithmetic import processor_precision

    prepared(one_label(60))
    has_bf16, seen = processor_precision()[0] == "bf16", set[bool]()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: not has_bf16)

    def look(module: Any, *_: object) -> None:
        if isinstance(module, PreTrainedModel) and module.training:
            seen.add(torch.is_autocast_enabled("cpu"))

    hook = torch.nn.modules.module.register_module_forward_pre_hook(look)
    try:
        cli("train", *HOW, "--epochs", "1", "--base", encoder)
    finally:
        hook.remove()
    assert seen == {has_bf16}


def test_two_checkpoints_are_kept(
    prepared: Prepare, project: Project, cli_json: CliJson, encoder: Path
) -> None:
    prepared(one_label(80))
    options = {"method": "encoder", "epochs": 6, "batch_size": 8, "base": str(encoder)}
    planned = cli_json(
        "train", "--method", "encoder", "--epochs", "6", "--batch-size", "8", "--base", encoder, "--dry-run"
    )
    steps = planned["plan"]["steps"]
    assert planned["plan"]["disk_bytes"] > 0
    assert "classifier" not in planned["plan"]["reasons"]
    with pytest.raises(CancelledError, match="last whole epoch"):
        ops.train(project, TrainRequest(options=options), Stopping(5 * steps // 6 - 1).work)
    kept = sorted(
        int(each.name.split("-")[1]) for each in project.paths.runs.glob("*/checkpoints/checkpoint-*")
    )
    assert kept == [3 * steps // 6, 4 * steps // 6]
