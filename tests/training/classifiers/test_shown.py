"""What commands print of classifiers: no figure of a language model that says nothing of them."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli import Cli, CliJson
from tests.training.classifiers.conftest import Prepare, one_label


def test_a_dry_run_of_an_encoder_counts_steps_and_no_tokens(
    prepared: Prepare, cli: Cli, encoder: Path
) -> None:
    prepared(one_label())
    shown = cli("train", "--method", "encoder", "--base", encoder, "--dry-run").stdout
    assert "steps" in shown
    assert "tokens" not in shown
    assert "green: learned" not in shown


def test_a_run_without_a_base_says_so(prepared: Prepare, cli: Cli, cli_json: CliJson) -> None:
    prepared(one_label())
    run = cli_json("train", "--method", "linear", "--features", "words")["run_id"]
    shown = cli("runs", "show", run).stdout
    assert "M parameters" not in shown
    assert "none" in next(line for line in shown.splitlines() if "base" in line.split())


def test_a_model_names_the_first_command_that_can_run(prepared: Prepare, cli: Cli, encoder: Path) -> None:
    first = cli("models", "show", encoder).stdout
    assert "next: narrowcast data import" in first
    assert f"# then narrowcast baseline --models encoder:{encoder}" in first.replace("\n", "")
    assert "next: narrowcast data import" in cli("models", "show", "embedded").stdout
    prepared(one_label())
    assert "next: narrowcast baseline --models encoder:" in cli("models", "show", encoder).stdout
    assert "next: narrowcast train --base embedded" in cli("models", "show", "embedded").stdout
