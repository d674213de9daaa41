"""`narrowcast models`, `train` and `runs`, as a user calls them."""

from __future__ import annotations

import pytest

from tests.support.datasets import save_dataset, sentences, split_rows

pytestmark = pytest.mark.nightly


@pytest.fixture
def ready(project, tiny_base):
    save_dataset(project.paths.root, split_rows(sentences(60), dev=12))
    return ["--project", project.slug, "--base", tiny_base, "--batch-size", "8", "--epochs", "1"]


def test_dry_run_train_and_runs(ready, cli, cli_json):
    seen = cli_json("train", *ready, "--dry-run", code=1)  # as the run would end
    assert not seen["ok"]
    assert seen["findings"][0]["reason_code"] == "training_baseline_missing"
    plan = seen["plan"]
    assert plan["steps"] == 6
    assert plan["rows"][0]["completion"].endswith("<|im_end|>")
    assert plan["recipe"]["method"] == "full"
    assert "below 100 M" in plan["reasons"]["method"]
    assert seen["forecast"]["seconds"] > 0
    assert seen["forecast"]["peak_bytes"] > 100e6
    refused = cli_json("train", *ready, code=1)
    assert refused["error"]["reason_code"] == "training_baseline_missing"
    assert refused["error"]["actionable_fix"] == "narrowcast baseline   # or the same command with --force"
    trained = cli_json("train", *ready, "--force")
    assert trained["run_id"].startswith("exp-")
    (line,) = cli_json("runs", "--project", ready[1])
    assert line["run_id"] == trained["run_id"]
    text = cli("train", *ready, "--dry-run", "--force", "--probe-steps", "0").stdout
    assert "forecast" not in text
    assert "green: learned" in text
    assert trained["run_id"] in cli("runs", "--project", ready[1]).stdout


def test_wrong_options_name_themselves(ready, cli_json):
    error = cli_json("train", *ready, "--set", "epoch=3", code=2)["error"]
    assert "epoch: there is no such option; did you mean epochs?" in error["message"]


def test_models(cli, cli_json, tiny_base, tmp_path):
    found = cli_json("models", "list")
    assert found["models"][0]["id"] == "embedded"
    assert found["size_advice"]
    shown = cli("models", "list").stdout
    assert "estimated" in shown
    assert "next: narrowcast init NAME   # then narrowcast train --base ID" in shown
    cli("init", "cards", "--labels", "a,b", cwd=tmp_path)
    first = "next: narrowcast data import --locator SCHEME:PATH --auto   # then narrowcast train --base ID"
    assert first in cli("models", "list").stdout
    assert "Schema-Guided Dialogue" in cli_json("models", "show", "embedded")["entry"]["note"]
    assert cli_json("models", "show", "qwen3-0.6b")["path"] is None
    assert cli_json("models", "show", tiny_base)["architecture"] == "qwen3"
    error = cli_json("models", "show", "qwen9", code=1)["error"]
    assert error["actionable_fix"] == "narrowcast models list"
    error = cli_json("models", "pull", "qwen3-0.6b", code=1)["error"]
    assert error["reason_code"] == "model_not_downloaded"
