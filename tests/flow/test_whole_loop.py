"""The whole loop through the command line, on a tiny model built on the spot: rows in, proven bundle out."""

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from narrowcast.testing.tiny import build_tiny_model
from tests.support.cli import Cli

pytestmark = pytest.mark.nightly

CliJson = Callable[..., Any]

WORDS = {
    "refund": ["money back", "refund please", "return my payment", "reimburse me"],
    "delivery": ["where is my parcel", "late delivery", "not arrived", "lost in the post"],
    "account": ["cannot log in", "reset my password", "locked out", "change my e-mail"],
}
ROWS = 180


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Rows with three labels, two of them broken on purpose: no text, a label nobody knows."""
    draw = random.Random(7)
    path = tmp_path / "messages.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["message", "intent"])
        for number in range(ROWS):
            label = draw.choice(list(WORDS))
            writer.writerow([f"order {number * 37 % 1000}: {draw.choice(WORDS[label])}, thanks", label])
        writer.writerow(["", "refund"])
    return path


def _configure(config: Path, base: Path) -> None:
    value = yaml.safe_load(config.read_text())
    value["train"] = {"base": str(base), "epochs": 6, "method": "full"}
    value["baseline"] = {"models": ["majority", "tfidf", "base", "base-few-shot"], "samples": 100}
    value["evaluate"] = value["exported"] = {"samples": 100}
    value["export"] = {"formats": ["merged", "f16", "q8_0", "q4_k_m"], "tolerance": 1.0}
    config.write_text(yaml.safe_dump(value))


def test_rows_in_proven_bundle_out(cli: Cli, cli_json: CliJson, tmp_path: Path, table: Path) -> None:
    base = build_tiny_model(tmp_path / "base")
    project = Path(cli_json("init", "loop")["path"])
    cli("data", "import", "--locator", f"csv:{table}", "--auto")
    _configure(project / "narrowcast.yaml", base)

    steps = cli_json("run", "--dry-run")
    assert [step["runs"] for step in steps] == [False, *[True] * 6]  # the import is up to date
    summary = cli_json("run", "--force")  # six epochs of random weights may lose to a baseline

    assert [row["model"] for row in summary["rows"]][:4] == ["majority", "tfidf", "base", "base-few-shot"]
    names = {row["model"].partition(":")[2] for row in summary["rows"]}
    assert {"q8_0", "q4_k_m"} <= names
    for row in summary["rows"]:
        assert row["metric"]["low"] <= row["metric"]["value"] <= row["metric"]["high"]
    assert summary["ledger_balanced"]

    ledger = cli_json("data", "ledger")
    assert ledger["balanced"]
    assert ledger["stages"][0]["rows_in"] == ROWS + 1
    assert sum(ledger["stages"][0]["rejected"].values()) == 1

    run_id = (project / "registry/stages/train/current").read_text().strip()
    bundle = project / "outputs" / "gguf" / run_id
    manifest = json.loads((bundle / "bundle.json").read_text())
    for file in manifest["files"]:
        assert (bundle / file["path"]).stat().st_size == file["size_bytes"]
    proof = cli_json("parity")
    f16 = next(each for each in proof["formats"] if each["format"] == "f16")
    assert f16["prompt_ids_equal"]
    assert f16["eos_equal"]
    assert f16["top1_agreement"] >= 0.99

    codes = [event["reason_code"] for event in cli_json("events", "--limit", "100")]
    for code in (
        "dataset_import_run",
        "prepare_run",
        "baseline_run",
        "training_run",
        "eval_run",
        "export_run",
    ):
        assert code in codes
    assert cli_json("audit", "verify")["intact"]

    again = [step["runs"] for step in cli_json("run", "--dry-run")]
    assert again == [False] * 7, "nothing changed, so nothing runs again"
