import json

import pytest

from narrowcast.core.names import Split
from narrowcast.core.run import BaseRecord, RunManifest
from narrowcast.errors import ModelError, StageError, UsageError
from narrowcast.ops.evaluate import baseline, compare, evaluate
from narrowcast.ops.prepare import prepare
from narrowcast.ops.requests import BaselineRequest, CompareRequest, EvaluateRequest, PrepareRequest
from narrowcast.pipeline.execute import stage_options
from narrowcast.stages.train import STAGE as TRAIN
from narrowcast.store.datasets import load_manifest
from narrowcast.store.files import read_json, write_json
from narrowcast.testing.tiny import build_tiny_model
from tests.evaluation.conftest import intent_rows
from tests.support.imports import import_rows

FAST = {"samples": 200}


def gates_of(result):
    return {gate.gate_id: gate.verdict for gate in result.results[0].gates}


def test_models_are_gated_and_compared_with_the_measured_baselines(intents):
    baseline(intents, BaselineRequest(options={"models": ["majority"], **FAST}))
    result = evaluate(
        intents,
        EvaluateRequest(
            options={"models": ["tfidf"], **FAST, "gates": ["macro_f1>=0.6", "invalid_rate<=0.2"]}
        ),
    )
    tfidf, majority = result.results
    assert gates_of(result) == {"macro_f1>=0.6": "pass", "invalid_rate<=0.2": "pass"}
    assert (tfidf.verdict, majority.verdict, result.verdict) == ("pass", None, "pass")
    assert majority.speed.reused
    comparison = result.comparisons[0]
    assert (comparison.model, comparison.against, comparison.verdict) == ("tfidf", "majority", "better")
    assert comparison.n == 60
    assert comparison.difference.p_value < 0.05


@pytest.mark.nightly
def test_a_gate_that_fails_is_an_event_and_part_of_the_result(intents):
    result = evaluate(
        intents, EvaluateRequest(options={"models": ["majority"], **FAST, "gates": ["macro_f1>=0.9"]})
    )
    assert result.verdict == "fail"
    events = intents.trail.events()
    assert [event.reason_code for event in events][-2:] == ["eval_gate_failed", "eval_run"]


@pytest.mark.nightly
def test_the_default_gates_are_those_of_the_task(intents):
    result = evaluate(intents, EvaluateRequest(options={"models": ["tfidf"], **FAST}))
    # Labels are chosen, not written: what is judged is whether the baselines are beaten, and there are none.
    assert gates_of(result) == {"beats_every_baseline": "not_enough_data"}
    assert result.verdict == "not_enough_data"
    assert "narrowcast baseline" in result.results[0].gates[0].reason


@pytest.mark.nightly
def test_a_gate_must_be_readable(intents):
    with pytest.raises(UsageError, match="is not a gate"):
        evaluate(intents, EvaluateRequest(options={"models": ["tfidf"], "gates": ["macro_f1 > 0.9"]}))


@pytest.mark.nightly
def test_without_a_trained_run_a_model_must_be_named(intents):
    with pytest.raises(StageError) as caught:
        evaluate(intents)
    assert caught.value.reason_code == "eval_model_missing"
    assert caught.value.next_command == "narrowcast baseline"


@pytest.mark.nightly
def test_a_missing_run_is_never_another_model(intents):
    with pytest.raises(ModelError):
        evaluate(intents, EvaluateRequest(options={"models": ["run:exp-0123456789"]}))
    with pytest.raises(ModelError):
        evaluate(intents, EvaluateRequest(options={"models": ["gguf:/nowhere/model.gguf"]}))


@pytest.mark.nightly
def test_the_base_model_is_measured_with_and_without_shots(intents, tmp_path):
    base = build_tiny_model(tmp_path / "base", context=512)
    result = baseline(
        intents,
        BaselineRequest(
            options={"models": ["base", "base-few-shot"], "base": str(base), "limit": 12, "shots": 3, **FAST}
        ),
    )
    plain, prompted = result.results
    for each in result.results:
        assert each.metrics["invalid_rate"].value == 0.0  # the label trie answers nothing else
        assert "brier" in each.metrics
        assert each.size_bytes == sum(file.stat().st_size for file in base.glob("*.safetensors"))
    assert prompted.note == "3 shots, labels listed"
    assert plain.speed.latency_p50_ms > 0


@pytest.mark.nightly
def test_baselines_are_compared_with_as_they_were_measured(intents, tmp_path):
    base = build_tiny_model(tmp_path / "base")
    options = {"base": str(base), "shots": 2, "limit": 6, **FAST}
    baseline(intents, BaselineRequest(options={"models": ["base-few-shot"], **options}))
    result = evaluate(intents, EvaluateRequest(options={"models": ["majority"], "limit": 6, **FAST}))
    few_shot = result.results[1]
    assert (result.base, few_shot.note) == (str(base), "2 shots, labels listed")
    assert few_shot.speed.reused
    assert (
        evaluate(intents, EvaluateRequest(options={"models": ["majority"], "limit": 6, "shots": 1, **FAST}))
        .results[1]
        .note.startswith("1 shot,")
    )


@pytest.mark.nightly
def test_the_base_comes_from_the_train_section(intents, tmp_path):
    base = build_tiny_model(tmp_path / "base")
    config = intents.config
    intents.save_config(config.model_copy(update={"train": {"base": str(base)}}))
    result = baseline(intents, BaselineRequest(options={"models": ["base"], "limit": 4, **FAST}))
    assert result.results[0].n == 4


def trained_elsewhere(project, version):
    """The record of a run on another data-set version; no weights are needed to refuse it."""
    run = RunManifest(
        run_id="exp-0000000001",
        method="full",
        method_reason="test",
        base=BaseRecord(
            name="b", path="b", fingerprint="f", architecture="qwen3", parameters=1, context_length=1
        ),
        dataset_version=version,
        recipe={},
        seed=0,
        rows={},
        tokens={},
        steps=1,
        seconds=1,
        tokens_per_second=1,
        losses={},
        weights_dtype="float32",
        weights_sha256="0",
        chat_template_sha256="0",
        code_version="0",
        environment={},
        started="",
        finished="",
    )
    write_json(project.paths.adapters / run.run_id / "run.json", run.model_dump(mode="json"))
    return f"run:{run.run_id}"


@pytest.mark.nightly
def test_rows_that_a_model_was_trained_on_are_refused(prepared, tmp_path):
    project = prepared(intent_rows(240))
    version = load_manifest(project.paths).version
    reference = trained_elsewhere(project, version)
    path = tmp_path / "more.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in intent_rows(300, seed=5)))
    import_rows(project, f"jsonl:{path}", auto=True)
    prepare(project, PrepareRequest(options={"seed": 9}))
    assert load_manifest(project.paths).version != version
    with pytest.raises(StageError) as caught:
        evaluate(project, EvaluateRequest(options={"models": [reference], **FAST}))
    assert caught.value.reason_code == "eval_rows_trained_on"
    assert project.trail.events()[-1].reason_code == "eval_rows_trained_on"


@pytest.mark.nightly
def test_compare_pairs_two_models_and_leaves_the_evaluation_alone(intents):
    evaluate(intents, EvaluateRequest(options={"models": ["tfidf"], **FAST}))
    record = read_json(intents.paths.stage_records / "evaluate.json")
    pair = compare(
        intents, CompareRequest.model_validate({"first": "majority", "second": "tfidf", "options": FAST})
    )
    assert pair.comparison.difference.value < 0
    assert pair.comparison.difference.high < 0
    assert pair.second.speed.reused
    assert read_json(intents.paths.stage_records / "evaluate.json") == record


@pytest.mark.nightly
def test_changed_held_out_rows_are_refused(intents):
    manifest = load_manifest(intents.paths)
    path = intents.paths.root / manifest.splits[Split.TEST].path
    path.write_bytes(path.read_bytes().replace(b"card", b"cart", 1))
    with pytest.raises(Exception, match="was changed after it was prepared"):
        evaluate(intents, EvaluateRequest(options={"models": ["majority"], **FAST}))


@pytest.mark.nightly
def test_the_newest_trained_run_is_measured_by_default(intents, tmp_path):
    base = build_tiny_model(tmp_path / "base", context=128)
    intents.save_config(intents.config.model_copy(update={"train": {"base": str(base), "epochs": 1}}))
    baseline(intents, BaselineRequest(options={"models": ["majority"], "limit": 15, **FAST}))
    trained = intents.runner().run(TRAIN, stage_options(intents, TRAIN))
    result = evaluate(intents, EvaluateRequest(options={"limit": 15, **FAST}))
    assert [each.model for each in result.results] == [f"run:{trained.run_id}", "majority"]
    assert result.results[0].metrics["invalid_rate"].value == 0.0
    assert result.comparisons[0].against == "majority"
    assert result.warnings == []
