"""Linear runs whose answers are fields or spans: those of the baseline of the same recipe, and repeated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from narrowcast.pipeline.project import Project
from tests.support.cli import Cli, CliJson
from tests.support.fields import import_fields
from tests.support.spans import rows_with_spans

LINEAR = ["train", "--method", "linear"]


def _same_answers(project: Project, cli_json: CliJson, run: str, baseline: str) -> list[str]:
    both = cli_json("eval", f"run:{run}", baseline, "--samples", "200", code=None)["results"]
    ours, theirs = (
        [
            row["text"]
            for row in map(json.loads, (project.paths.root / each["predictions"]).read_text().splitlines())
            if "text" in row
        ]
        for each in both
    )
    assert len(ours) == both[0]["n"]
    assert ours == theirs
    return ours


@pytest.mark.parametrize("features", ["words", "words,characters", "encoder", "encoder,words,characters"])
def test_fields_are_answered_like_the_baseline_of_the_same_kind(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path, encoder: Path, features: str
) -> None:
    twins = {"words": "tfidf", "words,characters": "svm", "encoder": f"encoder:{encoder}"}
    twin = twins.get(features, f"encoder-svm:{encoder}")
    import_fields(project, tmp_path, f"majority,{twin}", count=160)
    kind = "logistic" if features in ("words", "encoder") else "svm"
    how = ["--features", features, "--classifier", kind, "--base", encoder]
    run = cli_json(*LINEAR, *how)["run_id"]
    own = cli_json("eval", "--samples", "200", code=None)
    if features != "encoder":  # of random weights
        assert own["metrics"][own["primary"]]["value"] > 0.9
    assert twin not in own["gates"][-1]["reason"].split()  # a model is not compared with itself
    answers = _same_answers(project, cli_json, run, twin)
    assert any('"order": "WF-' in each for each in answers)
    assert any('"order": null' in each for each in answers)
    assert all(json.loads(each)["source"] == "mail" for each in answers)
    assert cli_json("rerun", run)["identical"]
    refused = cli_json("train", "--method", "encoder", "--base", encoder, code=None)["error"]
    assert refused["reason_code"] == "training_method_unsuited"
    assert refused["actionable_fix"] == "narrowcast train --method linear"


def test_spans_are_answered_like_the_baseline(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows_with_spans(160)))
    cli("data", "import", "--locator", f"jsonl:{tmp_path}/rows.jsonl", "--auto")
    cli("prepare", "--near-duplicates", "free")
    cli("baseline", "--models", "majority,tfidf", "--samples", "100")
    run = cli_json(*LINEAR)["run_id"]
    own = cli_json("eval", "--samples", "100", code=None)
    assert own["metrics"][own["primary"]]["value"] > 0.9
    assert "tfidf" not in own["gates"][-1]["reason"].split()  # a model is not compared with itself
    assert any('"thing"' in each for each in _same_answers(project, cli_json, run, "tfidf"))
    assert cli_json("rerun", run)["identical"]
    refused = cli_json(*LINEAR, "--features", "words", code=None)["error"]
    assert refused["reason_code"] == "training_method_unsuited"


def test_an_extractor_whose_files_do_not_fit_is_refused(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    from narrowcast.errors import ModelError
    from narrowcast.models.extractors.files import load_extractor

    import_fields(project, tmp_path, count=100)
    folder = project.paths.adapters / cli_json(*LINEAR, "--features", "words")["run_id"]
    extractor = load_extractor(folder)
    assert [each.name for each in extractor.fields if not each.values] == ["order", "count"]
    tables = load_file(folder / "extractor.safetensors")
    for name in ("tags.bias", "bias", "words.idf"):
        cut = {key: each[1:] if key == name else each for key, each in tables.items()}
        save_file(cut, folder / "extractor.safetensors")
        with pytest.raises(ModelError, match="tables do not fit"):
            load_extractor(folder)
    refused = cli("eval", "--samples", "100", code=None)
    assert "system_file_edited" in refused.stderr or "not the one that" in refused.stderr
