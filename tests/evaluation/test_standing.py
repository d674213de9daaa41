"""A verdict holds for what is known now: later baselines, other data sets and lost ones take it back."""

from __future__ import annotations

import json
import shutil

import pytest

from narrowcast.errors import ModelError
from narrowcast.ops.requests import ServeRequest
from narrowcast.ops.serve import find_served
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import current_folder
from narrowcast.store.runs import current_run
from tests.evaluation.conftest import intent_rows
from tests.support.imports import import_rows

FAST = ("--samples", "200")
LINEAR = ("train", "--method", "linear", "--features", "words", "--classifier", "logistic")


def _standing(cli_json, *arguments, **here) -> str:
    return cli_json("eval", *arguments, *FAST, code=None, **here)["conclusion"]["standing"]


def test_a_baseline_that_is_measured_later_takes_the_verdict_back(intents, cli, cli_json):
    here = {"cwd": intents.paths.root}
    cli("baseline", "--models", "majority", *FAST, **here)
    cli(*LINEAR, "--rows", "60", **here)
    assert _standing(cli_json, **here) == "ahead"
    run = current_run(intents.paths).run_id
    cli("export", **here)

    cli("baseline", "--models", "tfidf", *FAST, **here)
    shown = cli_json("runs", "show", run, **here)
    assert shown["verdict"]["conclusion"]["standing"] == "outdated"
    assert shown["next"] == f"narrowcast eval run:{run}"
    assert "was not compared with tfidf" in cli("runs", "show", run, **here).stdout
    assert cli_json("export", code=None, **here)["error"]["reason_code"] == "export_model_rejected"
    with pytest.raises(ModelError, match="not compared with tfidf"):
        find_served(intents, ServeRequest())
    cli("export", "--force", **here)
    assert "outdated" in (intents.paths.gguf / run / "README.md").read_text()

    assert _standing(cli_json, **here) != "ahead"
    assert cli_json("runs", "show", run, **here)["verdict"]["conclusion"]["standing"] != "outdated"
    # Naming one baseline does not make an evaluation forget another.
    assert _standing(cli_json, "--against", "majority", **here) == "outdated"


def test_a_kept_evaluation_says_what_was_measured_since(intents, cli, cli_json):
    here = {"cwd": intents.paths.root}
    cli("baseline", "--models", "majority", *FAST, **here)
    cli(*LINEAR, "--rows", "60", **here)
    assert _standing(cli_json, "--against", "majority", **here) == "ahead"
    cli("baseline", "--models", "tfidf", *FAST, **here)
    assert _standing(cli_json, "--against", "majority", **here) == "outdated"


def test_the_run_that_was_evaluated_is_the_one_to_export(intents, cli, cli_json):
    here = {"cwd": intents.paths.root}
    cli("baseline", "--models", "majority", *FAST, **here)
    cli(*LINEAR, "--rows", "60", **here)
    former = current_run(intents.paths).run_id
    cli(*LINEAR, "--rows", "70", **here)
    steps = cli_json("eval", f"run:{former}", *FAST, code=None, **here)["conclusion"]["next"]
    assert f"narrowcast export {former}" in steps
    assert "narrowcast export" in cli_json("eval", *FAST, code=None, **here)["conclusion"]["next"]


def test_a_run_on_other_rows_is_not_the_same_model_as_a_baseline(intents, tmp_path, cli, cli_json):
    here = {"cwd": intents.paths.root}
    cli("baseline", "--models", "majority,tfidf", *FAST, **here)
    cli(*LINEAR, **here)
    page = " ".join(cli("eval", *FAST, **here).stdout.split())
    assert "majority, the only other baseline measured" in page
    assert "tfidf, the same model, is not compared" in page
    more = tmp_path / "more.jsonl"
    more.write_text("".join(json.dumps(row) + "\n" for row in intent_rows(60, seed=5)))
    import_rows(intents, f"jsonl:{more}", auto=True)
    cli("prepare", **here)
    cli("baseline", "--models", "majority,tfidf", *FAST, **here)
    result = cli_json("eval", *FAST, code=None, **here)
    assert {each["against"] for each in result["comparisons"]} == {"majority", "tfidf"}


def test_a_model_of_a_data_set_that_is_gone_is_not_ahead(intents, tmp_path, cli, cli_json):
    here = {"cwd": intents.paths.root}
    cli("baseline", "--models", "majority", *FAST, **here)
    cli(*LINEAR, **here)
    cli("export", **here)
    run = current_run(intents.paths).run_id
    former = current_folder(intents.paths)
    more = tmp_path / "more.jsonl"
    more.write_text("".join(json.dumps(row) + "\n" for row in intent_rows(60, seed=5)))
    import_rows(intents, f"jsonl:{more}", auto=True)
    cli("prepare", **here)
    cli("baseline", "--models", "majority", *FAST, **here)
    shutil.rmtree(intents.paths.prepared / former)
    result = cli_json("eval", "--gates", "accuracy>=0.4", *FAST, code=3, **here)
    assert result["conclusion"]["standing"] == "unknown"
    assert {each["verdict"] for each in result["gates"]} == {"not_enough_data"}
    assert "whose folder is gone" in cli("runs", "show", run, **here).stdout
    with pytest.raises(ModelError, match="whose folder is gone"):
        find_served(intents, ServeRequest())


@pytest.mark.parametrize("manifest", [True, False])
def test_a_file_of_another_project_is_not_ahead(manifest, intents, tmp_path, cli):
    cli("baseline", "--models", "majority", *FAST, cwd=intents.paths.root)
    rows = tmp_path / "other.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in intent_rows(240, seed=7)))
    cli("init", "other")
    for words in (
        ("data", "import", "--locator", f"jsonl:{rows}", "--auto"),
        ("prepare",),
        ("baseline", "--models", "majority", *FAST),
        LINEAR,
        ("export",),
    ):
        cli(*words, "--project", "other")
    (bundle,) = Project.open(intents.settings, "other").paths.gguf.glob("exp-*")
    if not manifest:
        (bundle / "bundle.json").unlink()
    page = cli("eval", f"onnx:{bundle / 'model.onnx'}", *FAST, cwd=intents.paths.root).stdout
    assert "unknown: whether onnx:" in page
    assert ("which is not of this project" if manifest else "what it was trained on is not known") in page
