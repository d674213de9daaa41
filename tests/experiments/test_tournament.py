"""`narrowcast run` as a tournament: every method that suits is trained, the best on dev rows is tested."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from narrowcast.pipeline.project import Project
from narrowcast.store.runs import current_run
from tests.support.cli import Cli, CliJson

TOPICS = {"card": ["card", "plastic"], "rate": ["exchange", "rate"], "fee": ["fee", "charged"]}
FILLER = [f"{a}{b}" for a in ("pa", "lo", "mi", "te", "ru") for b in ("ke", "no", "si", "da", "vu", "ro")]


@pytest.fixture
def messages(project: Project, cli: Cli, tmp_path: Path) -> None:
    draw = random.Random(0)
    rows = []
    for _ in range(200):
        label = draw.choice(list(TOPICS))
        words = [*draw.choices(FILLER, k=8), draw.choice(TOPICS[label])]
        draw.shuffle(words)
        rows.append({"text": " ".join(words), "label": label})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    cli("data", "import", "--locator", f"jsonl:{tmp_path}/rows.jsonl", "--auto")
    settings: dict[str, Any] = {"baseline": {"models": ["majority"]}, "evaluate": {"samples": 200}}
    project.save_config(project.config.model_copy(update=settings))


def test_the_best_on_dev_rows_is_chosen_before_test_is_read(
    messages: None, project: Project, cli: Cli, cli_json: CliJson
) -> None:
    result = cli_json("run", "--only", "linear", "--until", "evaluate", code=None)
    held = result["tournament"]
    assert [each["name"] for each in held["entries"]] == ["linear (words, characters)"]
    record = current_run(project.paths)
    assert record is not None
    assert held["chosen"] == record.run_id
    events = [event.reason_code for event in project.trail.events()]
    assert events.index("training_tournament") < events.index("eval_run", events.index("training_tournament"))
    models = [row["model"] for row in result["rows"]]
    assert models == ["majority", f"run:{held['chosen']}"]
    shown = cli("run", "--only", "linear", "--until", "evaluate", code=None).stdout
    assert "candidates: macro_f1 on" in shown
    assert "linear (words, characters) is the only candidate" in shown


def test_a_named_method_is_trained_alone(messages: None, project: Project, cli_json: CliJson) -> None:
    train = {"method": "linear", "features": ["words"]}
    project.save_config(project.config.model_copy(update={"train": train}))
    result = cli_json("run", "--until", "evaluate", code=None)
    assert result["tournament"] is None
    plan = cli_json("run", "--dry-run")
    assert not any("tournament" in step["reason"] for step in plan)


def test_what_does_not_fit_is_named(messages: None, project: Project, cli: Cli, cli_json: CliJson) -> None:
    plan = cli_json("run", "--dry-run")
    assert "a tournament" in next(step for step in plan if step["stage"] == "train")["reason"]
    held = cli_json("run", "--budget-minutes", "0.000001", "--until", "train")["tournament"]
    assert held["entries"][-1]["name"] == "full embedded"
    assert "of the budget are left" in held["entries"][-1]["left_out"]
    refused = cli("run", "--only", "linear", "--max-size-mb", "0.001", "--until", "train", code=1)
    assert "no candidate is within the limits" in refused.stderr
    assert "MB are over 0.001" in refused.stderr
    project.save_config(project.config.model_copy(update={"train": {"epochs": 2}}))
    refused = cli("run", "--only", "linear", "--until", "train", code=2)
    assert "the method linear has no use for epochs" in refused.stderr
    changed = {"train": {}, "export": {"formats": ["q8_0"]}}
    project.save_config(project.config.model_copy(update=changed))
    refused = cli("run", "--only", "linear", "--until", "train", code=2)
    assert "it has no format q8_0, which the export asks for" in refused.stderr
