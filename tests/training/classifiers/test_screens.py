"""What a newcomer reads while a classifier is trained, measured and compared."""

from __future__ import annotations

from pathlib import Path

import yaml

from narrowcast.pipeline.project import Project
from tests.support.cli import Cli, CliJson
from tests.training.classifiers.conftest import Prepare, one_label


def test_a_run_is_named_by_its_id_and_says_what_p_is(
    prepared: Prepare, project: Project, cli: Cli, cli_json: CliJson
) -> None:
    prepared(one_label())
    config = yaml.safe_load(project.paths.config.read_text())
    config["train"] = {"method": "linear", "features": "words, characters", "classifier": "logistic"}
    project.paths.config.write_text(yaml.safe_dump(config))
    run = cli_json("train")["run_id"]
    manifest = cli_json("runs", "show", run)["manifest"]
    assert manifest["recipe"]["features"] == ["words", "characters"]
    assert "asked for" not in cli("runs", "show", run).stdout

    measured = cli("eval", run, "--samples", "200", code=None).stdout
    assert f"run:{run} − majority" in measured
    assert measured.count("(Holm over 2)") == 2
    assert "p is corrected for all 2" in measured
    pair = cli("compare", run, "svm", "--samples", "200").stdout
    assert f"run:{run} − svm" in pair
    assert "(not corrected: one comparison)" in pair


def test_what_the_audit_names_mends_the_report_of_a_baseline(
    prepared: Prepare, project: Project, cli: Cli, tmp_path: Path
) -> None:
    prepared(one_label(60), baselines="majority")
    (report,) = project.paths.reports.glob("baseline-*/report.md")
    report.write_text(report.read_text() + "edited\n")
    cli("init", "other", "--labels", "a,b", cwd=tmp_path)
    shown = cli("audit", "verify", "--project", "task", code=3).stdout
    assert "or: narrowcast baseline --project task --force" in " ".join(shown.split())
    cli("baseline", "--project", "task", "--models", "majority", "--samples", "200", "--force")
    assert "intact" in cli("audit", "verify", "--project", "task").stdout
