"""Accesses to test rows are counted, rows that training knew are refused, a table has one set of rows."""

from __future__ import annotations

import json

import pytest

from narrowcast.core.names import Split
from narrowcast.ops.evaluate import baseline, evaluate
from narrowcast.ops.prepare import prepare
from narrowcast.ops.requests import BaselineRequest, EvaluateRequest, PrepareRequest
from narrowcast.ops.summary import summarise
from narrowcast.store.datasets import load_manifest
from tests.evaluation.conftest import intent_rows
from tests.evaluation.test_evaluate import trained_elsewhere
from tests.support.imports import import_rows

FAST = ("--samples", "200")


def add(project, tmp_path, rows, *, prepared=None, **options):
    path = tmp_path / f"added-{len(rows)}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_rows(project, f"jsonl:{path}", auto=True, **options)
    prepare(project, PrepareRequest(options=prepared or {}))


def test_preparing_again_does_not_make_rows_unseen(intents, tmp_path, cli):
    measured = ("baseline", "--models", "majority", "-p", intents.slug, *FAST)
    assert "access 1 to" in cli(*measured).stdout
    version = load_manifest(intents.paths).version
    add(intents, tmp_path, intent_rows(40, seed=7), into=Split.TRAIN)
    assert load_manifest(intents.paths).version != version
    assert "access 2 to" in cli(*measured).stdout
    add(intents, tmp_path, intent_rows(41, seed=8), into=Split.TEST)  # most rows are still the same
    assert "access 3 to" in cli(*measured).stdout
    add(intents, tmp_path, intent_rows(400, seed=9), into=Split.TEST)
    assert "access 1 to" in cli(*measured).stdout


@pytest.mark.parametrize("change", [lambda text: f"{text}.", lambda text: f"{text.upper()} !"])
def test_rows_that_training_knew_nearly_are_refused(prepared, tmp_path, cli_json, change):
    rows = intent_rows(120)
    project = prepared(rows)
    reference = trained_elsewhere(project, load_manifest(project.paths).version)
    altered = [{**row, "text": change(row["text"])} for row in rows[:60]]
    add(project, tmp_path, [*altered, *intent_rows(60, seed=5)], prepared={"splits": "new"})
    result = cli_json("eval", reference, "-p", project.slug, *FAST, code=None)["error"]
    assert result["reason_code"] == "eval_rows_trained_on"
    assert "near-duplicates" in result["message"]


def test_rows_that_the_former_version_held_out_are_measured_again(prepared, tmp_path, cli_json):
    rows = intent_rows(120)
    copies = [{**row, "text": f"hello, {row['text']}, thanks"} for row in rows]
    free = {"copies": "free"}  # some are on both sides, as asked for
    project = prepared([*rows, *copies], options=free)
    reference = trained_elsewhere(project, load_manifest(project.paths).version)
    add(project, tmp_path, intent_rows(20, seed=9), into=Split.TRAIN, prepared=free)
    result = cli_json("eval", reference, "-p", project.slug, *FAST, code=None)["error"]
    assert result["reason_code"] == "model_unusable"  # asked for its weights, which there are none of


@pytest.mark.parametrize(
    ("copies", "reason"), [("together", "eval_rows_trained_on"), ("free", "model_unusable")]
)
def test_edited_copies_count_where_they_were_kept_together(prepared, tmp_path, cli_json, copies, reason):
    rows = intent_rows(120)
    project = prepared(rows, options={"copies": copies})
    reference = trained_elsewhere(project, load_manifest(project.paths).version)
    greeted = [{**row, "text": f"hello there, {row['text']}, and many thanks to you all"} for row in rows]
    add(project, tmp_path, greeted, into=Split.TEST, prepared={"copies": "free"})
    result = cli_json("eval", reference, "-p", project.slug, *FAST, code=None)["error"]
    assert result["reason_code"] == reason


def test_a_table_never_mixes_rows(intents):
    baseline(intents, BaselineRequest(options={"models": ["tfidf", "majority"], "samples": 200}))
    options = {"models": ["tfidf-chars"], "against": ["tfidf"], "limit": 30, "samples": 200}
    measured = evaluate(intents, EvaluateRequest(options=options))
    result = summarise(intents)
    assert result.n == 30
    assert {row.model: row.metric for row in result.rows} == {
        each.model: each.metrics[each.primary] for each in measured.results
    }
    assert result.left_out == ["majority"]
