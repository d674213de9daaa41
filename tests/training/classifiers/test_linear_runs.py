"""Linear classifiers are runs: trained, shown, measured, repeated, and as good as the baseline they equal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from narrowcast.models.installed import ModelSource, write_source
from narrowcast.pipeline.project import Project
from tests.support.cli import Cli, CliJson
from tests.training.classifiers.conftest import Prepare, label_sets, one_label


@pytest.mark.parametrize("features", ["words", "words,characters", "encoder", "encoder,words,characters"])
def test_a_run_answers_like_the_baseline_of_the_same_kind(
    prepared: Prepare, project: Project, cli: Cli, cli_json: CliJson, encoder: Path, features: str
) -> None:
    prepared(one_label())
    kind = "logistic" if features in ("words", "encoder") else "svm"
    twin = {"words": "tfidf", "words,characters": "svm", "encoder": f"encoder:{encoder}"}
    named = twin.get(features, f"encoder-svm:{encoder}")
    cli("baseline", "--models", named, "--samples", "200")
    trained = cli_json(
        "train", "--method", "linear", "--features", features, "--classifier", kind, "--base", encoder
    )
    assert (trained["method"], trained["trace"]) == ("linear", "")
    shown = cli_json("runs", "show", trained["run_id"])["manifest"]
    assert (shown["recipe"]["classifier"], shown["recipe"]["features"]) == (kind, features.split(","))
    assert shown["losses"]["dev"] < 0.7 if "words" in features else "dev" in shown["losses"]
    verdict = cli_json("eval", "--samples", "200", code=None)
    # A model is not compared with itself.
    assert named not in verdict["gates"][-1]["reason"].split()
    assert f"not shown to be better than {named}" not in verdict["conclusion"]["sentence"]
    both = cli_json("eval", f"run:{trained['run_id']}", named, "--samples", "200", code=None)["results"]
    answers = [_answers(project, each["predictions"]) for each in both]
    assert len(answers[0]) == both[0]["n"]
    assert answers[0] == answers[1]


def _answers(project: Project, path: str) -> list[str]:
    lines = (project.paths.root / path).read_text().splitlines()
    return [row["text"] for row in map(json.loads, lines) if "text" in row]


def test_a_run_with_sets_of_labels(prepared: Prepare, cli_json: CliJson) -> None:
    prepared(label_sets())
    trained = cli_json("train", "--method", "linear", "--features", "words,characters")
    assert trained["final_train_loss"] is None
    result = cli_json("eval", "--samples", "200", code=None)
    assert result["metrics"][result["primary"]]["value"] > 0.8


def test_the_same_run_again_has_the_same_weights(prepared: Prepare, cli: Cli, cli_json: CliJson) -> None:
    prepared(one_label())
    run = cli_json("train", "--method", "linear", "--features", "words")["run_id"]
    assert cli_json("rerun", run)["identical"]
    assert "linear" in cli("runs").stdout
    seeds = cli_json("train", "--method", "linear", "--features", "words", "--seeds", "2")
    assert [each["seed"] for each in seeds["runs"]] == [0, 1]


def test_what_a_method_has_no_use_for_is_refused(prepared: Prepare, cli: Cli) -> None:
    prepared(one_label(60))
    refused = cli("train", "--method", "linear", "--epochs", "3", code=2)
    assert "the method linear has no use for epochs" in refused.stderr
    refused = cli("train", "--features", "words", code=2)
    assert "the method auto has no use for features" in refused.stderr
    refused = cli("train", "--method", "linear", "--features", "words,words", code=2)
    assert "named twice" in refused.stderr


def test_a_method_that_is_asked_for_leaves_out_what_the_file_says_of_another(
    prepared: Prepare, project: Project, cli_json: CliJson, cli: Cli
) -> None:
    prepared(one_label())
    project.save_config(
        project.config.model_copy(
            update={"train": {"epochs": 2, "probe_steps": 0, "base": "embedded", "seed": 5}}
        )
    )
    run = cli_json("train", "--method", "linear", "--features", "words")["run_id"]
    recipe = cli_json("runs", "show", run)["manifest"]["recipe"]
    assert (recipe["method"], recipe["seed"]) == ("linear", 5)
    project.save_config(project.config.model_copy(update={"train": {"method": "linear", "epochs": 2}}))
    assert "the method linear has no use for epochs" in cli("train", code=2).stderr


def test_an_encoder_that_the_file_names_as_base_is_taken_by_the_methods_that_use_one(
    prepared: Prepare, project: Project, cli_json: CliJson, encoder: Path
) -> None:
    prepared(one_label())
    project.save_config(project.config.model_copy(update={"train": {"base": str(encoder), "epochs": 2}}))
    for method in ("linear", "encoder"):
        run = cli_json("train", "--method", method, "--dry-run")["plan"]
        assert run["base"] == str(encoder)


def test_an_encoder_that_is_not_here_is_named(prepared: Prepare, cli: Cli, cli_json: CliJson) -> None:
    prepared(one_label(60))
    refused = cli("train", "--method", "linear", "--features", "encoder", code=1)
    assert "the encoder minilm is not on this machine" in refused.stderr
    assert "narrowcast models pull minilm" in refused.stderr
    plan = cli_json("train", "--method", "linear", "--dry-run")["plan"]
    assert plan["recipe"]["features"] == ["words", "characters"]
    assert "narrowcast models pull minilm" in plan["reasons"]["features"]


def test_a_task_without_labels_is_refused(project: Project, cli: Cli, tmp_path: Path) -> None:
    rows = [{"prompt": f"question {n} about {n * 7}", "completion": f"answer {n} of many"} for n in range(60)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    cli("init", "writing", "--path", tmp_path / "writing", "--task", "instruction")
    here = ["--project", tmp_path / "writing"]
    cli("data", "import", "--locator", f"jsonl:{tmp_path}/rows.jsonl", "--auto", *here)
    cli("prepare", *here)
    cli("baseline", "--models", "majority", *here)
    refused = cli("train", "--method", "linear", *here, code=1)
    assert "the method linear answers with labels" in refused.stderr


def test_an_edited_classifier_is_not_believed(
    prepared: Prepare, project: Project, cli: Cli, cli_json: CliJson
) -> None:
    prepared(one_label(60))
    run = cli_json("train", "--method", "linear", "--features", "words")["run_id"]
    path = project.paths.adapters / run / "classifier.json"
    path.write_text(path.read_text().replace('"card"', '"fee"', 1))
    assert cli_json("eval", code=None)["error"]["reason_code"] == "system_file_edited"


def test_a_run_on_an_imported_encoder_keeps_its_licence_and_what_differs(
    prepared: Prepare, project: Project, cli_json: CliJson, encoder: Path
) -> None:
    write_source(encoder, ModelSource(name="own", origin="file", sha256="", licence="mit", note="distilled"))
    prepared(one_label())
    run = cli_json("train", "--method", "linear", "--features", "encoder", "--base", encoder)["run_id"]
    base = json.loads(project.paths.run_manifest(run).read_text())["base"]
    assert (base["licence"], base["note"]) == ("mit", "distilled")


def test_another_encoder_than_the_one_of_the_run_is_refused_everywhere(
    prepared: Prepare, cli_json: CliJson, encoder: Path
) -> None:
    prepared(one_label())
    run = cli_json("train", "--method", "linear", "--features", "encoder", "--base", encoder)["run_id"]
    tokenizer = encoder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text() + "\n")
    for words in (("eval", f"run:{run}"), ("export", "--force"), ("rerun", run)):
        error = cli_json(*words, code=None)["error"]
        assert error["reason_code"] == "model_base_changed"
        assert f"is not the one that run '{run}' was trained on" in error["message"]
        assert error["actionable_fix"] == (
            "restore that base, or narrowcast train --method linear --features encoder --classifier logistic "
            f"--base {encoder} --force"
        )
