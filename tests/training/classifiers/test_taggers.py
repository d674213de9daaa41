"""Encoders that tag words: spans learned and answered exactly, rows that cannot be, runs resumed exactly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from narrowcast.core.task import TaskSpec
from narrowcast.errors import CancelledError
from narrowcast.experiments.requests import TrainRequest
from narrowcast.ops import train as ops
from narrowcast.pipeline.project import Project
from narrowcast.tasks import handler_for
from tests.support.cli import Cli, CliJson
from tests.support.spans import rows_with_spans, span
from tests.support.stopping import Stopping

MAPPED = ["--mapper", "kv_to_structured", "--map", "text=text,spans=spans"]
HOW = ["--method", "encoder", "--epochs", "20", "--learning-rate", "1e-3", "--batch-size", "8"]


@pytest.fixture
def imported(project: Project, cli: Cli, tmp_path: Path):
    """Imports rows, prepares them and measures the weakest baseline."""

    def make(rows: list[dict]) -> None:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        cli("data", "import", "--locator", f"jsonl:{path}", *MAPPED)
        cli("prepare", "--near-duplicates", "free")
        cli("baseline", "--models", "majority", "--samples", "200")

    return make


def test_spans_are_learned_and_answered_as_the_task_asks(imported, cli, cli_json: CliJson, encoder, project):
    imported(rows_with_spans(200))
    trained = cli_json("train", *HOW, "--base", encoder)
    assert trained["ledger"]["rejected"] == {}
    assert trained["dev_loss"] < 0.5
    result = cli_json("eval", "--samples", "200", code=None)
    assert result["metrics"]["span_f1"]["value"] > 0.8
    assert result["metrics"]["schema_rate"]["value"] == 1
    report = (project.paths.root / result["report"]).parent
    answers = "".join(path.read_text() for path in report.glob("*.jsonl"))
    assert "span_not_in_text" not in answers
    assert "encoder classifier on" in cli("runs", "show", trained["run_id"]).stdout
    assert cli_json("rerun", trained["run_id"])["identical"]


def test_rows_longer_than_the_encoder_reads_are_read_to_their_end(imported, cli_json: CliJson, encoder):
    """The tiny encoder reads 32 tokens, and the spans begin behind them."""
    rows = []
    for row in rows_with_spans(120):
        before = "please wait, " * 15
        moved = [{**each, "start": each["start"] + len(before), "end": each["end"] + len(before)}
                 for each in row["spans"]]  # fmt: skip
        rows.append({"text": before + row["text"], "spans": moved})
    imported(rows)
    planned = cli_json("train", *HOW, "--base", encoder, "--dry-run")["plan"]["steps"]
    trained = cli_json("train", *HOW, "--base", encoder)
    assert cli_json("runs", "show", trained["run_id"])["manifest"]["steps"] == planned
    result = cli_json("eval", "--samples", "200", code=None)
    assert result["metrics"]["recall"]["value"] > 0.6


def test_spans_that_no_tags_can_say_are_named_and_counted(imported, cli, cli_json: CliJson, encoder, project):
    nested = [f"the red card of number {number}" for number in range(0, 300, 10)]
    rows = [
        *rows_with_spans(150),
        *({"text": text, "spans": [span(text, "thing", "red card"), span(text, "count", "card")]}
          for text in nested),
        *({"text": text + "s", "spans": [span(text, "thing", "car")]} for text in nested),
    ]  # fmt: skip
    imported(rows)
    found = cli_json("preflight", "--method", "encoder", "--base", encoder)["findings"]
    named = [each for each in found if each["reason_code"] == "training_spans_unlearnable"]
    assert [each["what"].rpartition(" ")[2] for each in named] == ["span_inside_word", "spans_overlap"]
    trained = cli_json("train", *HOW, "--base", encoder, "--epochs", "1")
    ledger = trained["ledger"]
    assert set(ledger["rejected"]) == {"span_inside_word", "spans_overlap"}
    assert ledger["balanced"]
    assert sum(ledger["rejected"].values()) > 20
    assert "training_spans_unlearnable" in [event.reason_code for event in project.trail.events()]
    shown = cli("train", *HOW, "--base", encoder, "--epochs", "2")
    assert "spans_overlap" in shown.stdout + shown.stderr


def test_places_are_those_in_a_turn_of_several_inputs():
    kinds = {"properties": {"type": {"enum": ["thing"]}}}
    schema = {"properties": {"spans": {"items": kinds}}}
    spec = TaskSpec(profile="structured_extraction", scoring_mode="span_set", output_schema=schema)
    handler = handler_for(spec)
    target = {"spans": [{"type": "thing", "start": 2, "end": 6, "text": "card"}]}
    for inputs in ({"text": "a card"}, {"note": "a card", "text": "a card", "more": "card"}):
        *_, turn, _ = handler.to_messages(inputs, target)
        ((kind, start, end),) = handler.spans_in_turn(turn.content, inputs, target)
        assert (kind, turn.content[start:end]) == ("thing", "card")
        assert turn.content[:start].endswith("a " if len(inputs) == 1 else "text: a ")
    twice = {"note": "text: a card", "text": "a card"}
    *_, turn, _ = handler.to_messages(twice, target)
    assert handler.spans_in_turn(turn.content, twice, target) is None


def test_rows_none_of_which_can_be_tagged_are_refused(imported, cli_json: CliJson, encoder):
    texts = [f"cards for {number} people" for number in range(0, 600, 10)]
    imported([{"text": text, "spans": [span(text, "thing", "car")]} for text in texts])
    refused = cli_json("train", *HOW, "--base", encoder, code=None)["error"]
    assert refused["reason_code"] == "training_dispatch_error"
    assert "span_inside_word" in refused["message"]


def test_an_interrupted_run_ends_in_the_same_weights(imported, project: Project, encoder: Path):
    imported(rows_with_spans(80))
    options = {
        "method": "encoder", "epochs": 3, "learning_rate": 1e-3, "batch_size": 8, "base": str(encoder),
    }  # fmt: skip
    with pytest.raises(CancelledError, match="last whole epoch"):
        ops.train(project, TrainRequest(options=options), Stopping(12).work)
    parts = ops.train(project, TrainRequest(resume=True))
    whole = ops.train(project, TrainRequest(options=options, force=True))
    assert (parts.run_id, parts.weights_sha256) == (whole.run_id, whole.weights_sha256)
