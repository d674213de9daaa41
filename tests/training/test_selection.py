"""The best weights by the task's metric: kept, resumed to the bit, and no change to the run itself."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from narrowcast.core.names import Split
from narrowcast.errors import StageError
from narrowcast.models.loading import load_trained, read_run_manifest
from narrowcast.models.predictors.transformers import TransformersPredictor
from narrowcast.stages.train import Options
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.tasks import handler_for
from narrowcast.tasks.prompt import request_for
from narrowcast.training.outputs.trace import read_trace
from narrowcast.training.recipes.selection import best_of
from tests.support.datasets import sentences

pytestmark = pytest.mark.nightly

# A rate at which the score falls again, so that the best evaluation is not the last one.
WILD = {"epochs": 1, "learning_rate": 2e-3, "eval_every": 2, "scheduler": "constant_with_warmup"}


def score_of(workshop, run_id):
    """The metric of saved weights on the dev rows, as evaluation would measure it."""
    manifest = load_manifest(workshop.project)
    handler, rows = handler_for(manifest.task), read_split(workshop.project, manifest, Split.DEV)
    model, tokenizer = load_trained(workshop.project, run_id, workshop.opened.settings)
    with TransformersPredictor("run", model, tokenizer, size_bytes=None, precision="fp32") as predictor:
        answers = predictor.predict([request_for(handler, each.inputs) for each in rows])
    return handler.score(rows, answers).metrics["macro_f1"]


@pytest.mark.parametrize(("method", "layout"), [("full", "padded"), ("lora", "tree")])
def test_the_weights_of_the_best_score_are_saved(workshop, method, layout):
    options = {**WILD, "method": method, "layout": layout}
    kept = workshop.train(select_by="metric", **options)
    lines = read_trace(workshop.project.root / kept.trace)
    scores = {line.step: line.dev_score for line in lines if line.dev_score is not None}
    assert len(scores) == 4
    selection = read_run_manifest(workshop.project, kept.run_id).selection
    assert selection["metric"] == "macro_f1"
    assert selection["rows"] == 16
    assert selection["score"] == pytest.approx(max(scores.values()), abs=1e-5)
    assert selection["score"] == pytest.approx(scores[selection["step"]], abs=1e-5)
    assert score_of(workshop, kept.run_id) == pytest.approx(selection["score"])
    if method == "lora":
        return
    assert selection["step"] < 8  # the best is not the last here
    last = workshop.train(**options)
    plain = read_trace(workshop.project.root / last.trace)
    assert [line.loss for line in plain] == [line.loss for line in lines]  # scoring changed nothing
    assert read_run_manifest(workshop.project, last.run_id).selection == {}


def test_a_resumed_run_keeps_the_same_weights(workshop):
    options = {**WILD, "method": "full", "select_by": "metric", "select_rows": 12}
    whole, elsewhere = workshop.train(**options), workshop.elsewhere()
    elsewhere.interrupt(4, **options)  # where the second evaluation is due
    (elsewhere.run_folder / "best.safetensors.part").write_bytes(b"torn")
    parts = elsewhere.train(resume=True, **options)
    assert parts.weights_sha256 == whole.weights_sha256
    chosen = [read_run_manifest(each.project, whole.run_id).selection for each in (workshop, elsewhere)]
    assert chosen[0] == chosen[1]
    assert chosen[0]["rows"] == 12


def test_early_stopping_follows_the_score_where_answers_are_a_choice(workshop):
    result = workshop.train(method="full", early_stopping=1, **{**WILD, "epochs": 20})
    manifest = read_run_manifest(workshop.project, result.run_id)
    assert manifest.recipe["select_by"] == "metric"
    lines = read_trace(workshop.project.root / result.trace)
    found = [
        {"eval_loss": line.dev_loss, "eval_score": line.dev_score}
        for line in lines
        if line.dev_score is not None
    ]
    waited = [number - best_of(found[: number + 1], "metric") for number in range(len(found))]
    assert manifest.steps < 20 * 8
    assert waited[-1] == 1
    assert max(waited[:-1]) == 0
    assert manifest.selection["evaluations"] == len(found)


def test_equal_scores_go_to_the_lower_loss_then_the_earlier():
    found = [
        {"eval_loss": 0.5, "eval_score": 0.7},
        {"eval_loss": 0.6, "eval_score": 0.9},
        {"eval_loss": 0.4, "eval_score": 0.9},
        {"eval_loss": 0.4, "eval_score": 0.9},
        {"eval_loss": 0.3, "eval_score": 0.8},
    ]
    assert best_of(found, "metric") == 2
    assert best_of(found, "loss") == 4
    assert best_of(found, "last") == 4


def test_a_watcher_ends_a_run_and_nothing_is_saved(workshop):
    seen = []

    def watch(number, figures):
        seen.append((number, figures["eval_score"]))
        return number == 2

    with pytest.raises(StageError) as caught:
        workshop.train(watch=watch, select_by="metric", eval_every=4)
    assert caught.value.reason_code == "training_pruned"
    assert [number for number, _ in seen] == [1, 2]
    assert not list(workshop.project.adapters.glob("*"))
    assert not list(workshop.run_folder.glob("checkpoints/*"))


def test_an_impossible_selection_is_refused(workshop_with):
    workshop = workshop_with({Split.TRAIN: sentences(20)})
    with pytest.raises(StageError, match="no dev rows") as caught:
        workshop.train(select_by="metric", preflight="off")
    assert caught.value.reason_code == "training_eval_missing"
    assert workshop.options(early_stopping=2).select_by == "auto"
    with pytest.raises(ValidationError, match="contradicts"):
        Options(early_stopping=2, select_by="last")
