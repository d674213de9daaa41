"""`narrowcast preflight` and `recipes`, as a user calls them."""

from __future__ import annotations

import pytest

from tests.support.datasets import save_dataset, sentences, split_rows

pytestmark = pytest.mark.nightly


@pytest.fixture
def ready(project, tiny_base):
    save_dataset(project.paths.root, split_rows(sentences(60), dev=12))
    return ["--project", project.slug, "--base", tiny_base, "--batch-size", "8", "--epochs", "1"]


def test_all_problems_with_their_fixes(ready, project, cli, cli_json):
    arguments = [*ready, "--recipe", "qlora-nf4", "--max-length", "20"]
    found = cli_json("preflight", *arguments, code=1)
    assert not found["ok"]
    blockers = {each["reason_code"]: each["fix"] for each in found["findings"] if each["blocks"]}
    assert blockers["training_baseline_missing"] == "narrowcast baseline, or the same command with --force"
    assert blockers["training_device_missing"]
    assert blockers["training_dispatch_error"]  # no row has 20 tokens
    assert found["plan"] is None
    (event,) = [each for each in project.trail.events() if each.reason_code == "training_preflight"]
    assert event.payload["mode"] == "strict"
    text = cli("preflight", *ready, "--probe-steps", "0", code=1).stdout
    for part in ("stops", "warns", "narrowcast baseline", "green: learned", "training_licence_unclear"):
        assert part in text


def test_recipes_are_listed_and_shown(cli, cli_json):
    assert [each["name"] for each in cli_json("recipes", "list")][:2] == ["measured", "sft-lora"]
    assert "arXiv" in cli("recipes", "show", "dora").stdout
    assert "135 M" in cli("recipes", "show", "full").stdout
    first, second, *_ = cli_json("recipes", "show", "full")["learning_rates"]
    assert (first["parameters"], second["parameters"]) == (15_000_000, 135_000_000)
    assert cli_json("recipes", "show", "qlora-nf4")["learning_rates"] == []  # it sets one
    error = cli_json("recipes", "show", "dorra", code=2)["error"]
    assert error["actionable_fix"] == "narrowcast recipes list"
