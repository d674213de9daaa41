"""A model that lost says so wherever it goes, through the commands."""

from __future__ import annotations

import json

import pytest
import yaml

from narrowcast.core.bundle import BundleManifest
from narrowcast.errors import ModelError
from narrowcast.ops.requests import ServeRequest
from narrowcast.ops.serve import find_served
from narrowcast.server.run import serve
from narrowcast.testing.tiny import build_tiny_model
from tests.evaluation.conftest import intent_rows

FAST = ("--samples", "200")


@pytest.fixture
def loser(intents, tmp_path):
    """A project whose next run is trained for one epoch from random weights."""
    base = build_tiny_model(tmp_path / "tiny", context=256)
    train = {"base": str(base), "epochs": 1, "batch_size": 8, "precision": "fp32", "forgetting_check": False}
    export = {"formats": ["q8_0"], "parity_rows": 4, "parity_split": "test", "max_tokens": 8}
    config = intents.config.model_copy(update={"train": train, "export": export})
    intents.save_config(config)
    return intents


def test_a_model_that_lost_is_shipped_on_request_only_and_every_step_says_so(loser, cli, cli_json):
    here = {"cwd": loser.paths.root}
    cli("baseline", "--models", "tfidf", *FAST, **here)
    cli("baseline", "--models", "majority", *FAST, **here)
    cli("train", **here)
    page = cli("eval", *FAST, code=3, **here).stdout
    assert "tfidf is better" in page  # which the later baseline of a weak model did not make it forget
    assert "updates, the default is" in page
    # The baseline that won can be shipped itself.
    assert "next: narrowcast train --method linear --features words --classifier logistic" in page
    assert "narrowcast export" not in page
    result = cli_json("eval", *FAST, code=3, **here)
    assert result["conclusion"]["standing"] == "lost"
    assert {each["against"]: each["verdict"] for each in result["comparisons"]}["tfidf"] == "worse"
    run = result["model"].removeprefix("run:")

    page = cli("runs", "show", run, **here).stdout
    assert "tfidf is better" in page
    assert "next: narrowcast train" in page

    refused = cli_json("export", code=None, **here)["error"]
    assert refused["reason_code"] == "export_model_rejected"
    assert not (loser.paths.gguf / run).exists()
    looks = (loser.paths.registry / "test_looks.jsonl").read_text().splitlines()
    forced = cli("export", "--force", **here).stdout
    seen = (loser.paths.registry / "test_looks.jsonl").read_text().splitlines()
    assert len(seen) == len(looks) + 1  # parity read test rows
    assert json.loads(seen[-1])["models"] == [f"run:{run}"]
    assert "tfidf is better" in forced
    assert "next: narrowcast serve" not in forced
    codes = [event.reason_code for event in loser.trail.events()]
    assert {"export_model_rejected", "export_model_forced"} <= set(codes)
    folder = loser.paths.gguf / run
    assert "tfidf is better" in (folder / "README.md").read_text()
    manifest = BundleManifest.model_validate_json((folder / "bundle.json").read_bytes())
    assert manifest.verdict is not None
    assert manifest.verdict.conclusion.standing == "lost"

    for request in (ServeRequest(), ServeRequest(model=str(folder / "model-q8_0.gguf"))):
        place = loser.settings if request.names_file else loser
        with pytest.raises(ModelError, match="tfidf is better") as caught:
            serve(place, request, lambda *_: None)
        assert caught.value.reason_code == "deployment_model_rejected"
        assert find_served(place, request.model_copy(update={"force": True})).run_id == run


def test_a_few_drawn_rows_do_not_set_aside_what_more_rows_said(loser, cli, cli_json):
    here = {"cwd": loser.paths.root}
    cli("prepare", "--golden", "0.1", **here)
    cli("baseline", "--models", "tfidf", *FAST, **here)
    cli("train", **here)
    run = cli_json("eval", "--rows", "5", *FAST, code=None, **here)["model"].removeprefix("run:")
    assert "measured on 5 of" in cli("runs", "show", run, **here).stdout
    assert cli_json("eval", *FAST, code=3, **here)["conclusion"]["standing"] == "lost"
    few = cli_json("eval", "--split", "golden", "--rows", "2", *FAST, code=None, **here)
    assert few["conclusion"]["standing"] != "lost"
    refused = cli_json("export", code=None, **here)["error"]
    assert refused["reason_code"] == "export_model_rejected"


@pytest.mark.nightly
def test_the_whole_loop_stops_before_the_export_of_a_model_that_lost(loser, cli, cli_json):
    here = {"cwd": loser.paths.root}
    config = loser.paths.config
    options = yaml.safe_load(config.read_text())
    options["baseline"] = {"models": ["majority", "tfidf"], "samples": 200}
    options["evaluate"] = {"samples": 200}
    options["verify"] = {"samples": 200}
    config.write_text(json.dumps(options))
    page = cli("run", code=3, **here).stdout
    assert "do not ship" in page
    assert "not exported" in page
    assert not loser.paths.gguf.exists()
    summary = cli_json("run", "--force", **here)
    assert summary["standing"] == "lost"
    assert any(row["model"] == "gguf:q8_0" for row in summary["rows"])
    assert not any("serve" in step for step in summary["next"])


def test_a_misspelt_metric_is_an_error_with_the_right_name(intents, cli_json):
    arguments = ("eval", "tfidf", "-p", intents.slug, *FAST)
    result = cli_json(*arguments, "--gates", "macrof1>=0.99", code=2)
    assert "did you mean macro_f1" in result["error"]["message"]
    assert (
        "did you mean f1/login" in cli_json(*arguments, "--gates", "f1/logn>=0.9", code=2)["error"]["message"]
    )


def test_a_gate_that_was_named_blocks_where_it_lacks_data(intents, cli_json):
    arguments = ("eval", "tfidf", "-p", intents.slug, *FAST)
    assert cli_json(*arguments, "--gates", "accuracy>=0.999", code=3)["verdict"] != "pass"
    passed = cli_json(*arguments, "--gates", "accuracy>=0.5")
    assert (passed["verdict"], passed["gates"][0]["required"]) == ("pass", True)


def test_groups_are_counted_and_widen_the_interval(prepared, cli_json):
    rows = [{**row, "case": f"train {number}"} for number, row in enumerate(intent_rows(240))]
    alike = sorted(intent_rows(100, seed=1), key=lambda row: row["label"])
    test = [{**row, "case": f"test {number // 5}"} for number, row in enumerate(alike)]
    roles = {"text": "text", "label": "label", "group": "case"}
    project = prepared(rows, test, mapper="label_to_classification", field_map=roles)
    result = cli_json("baseline", "--models", "majority", "-p", project.slug, *FAST)
    assert result["groups"] <= 20 < result["n"]
    (result,) = [each for each in result.get("results", [result]) if each["model"] == "majority"]
    spread = result["metrics"]["accuracy"]
    value = spread["value"]
    assert spread["high"] - spread["low"] > 1.8 * 2 * 1.96 * (value * (1 - value) / result["n"]) ** 0.5


def test_labels_that_no_row_has_are_said(prepared, cli):
    rows = intent_rows(240)
    test = [row for row in intent_rows(90, seed=1) if row["label"] != "fee"]
    project = prepared(rows, test)
    page = cli("baseline", "--models", "majority", "-p", project.slug, *FAST).stdout
    assert "2 of 3 labels" in page
    assert "fee" in page
