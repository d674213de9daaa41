"""Baselines on a sentence encoder that is built on the spot, and the support-vector machine."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax

from narrowcast.errors import ModelError, UsageError
from narrowcast.models.classifiers.calibrated_svm import CalibratedSVM, fitted_temperature
from narrowcast.testing.tiny import build_tiny_encoder
from tests.models.predictors.test_fitted_baselines import FIELDS as ORDER_FIELDS
from tests.models.predictors.test_fitted_baselines import (
    INTENTS,
    LABELS,
    SPANS,
    ask,
    load,
    orders,
    pair,
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.mark.parametrize("name", ["encoder", "encoder-svm", "nearest"])
def test_vectors_tell_labels_apart_and_give_probabilities(name, encoder, tmp_path):
    with load(f"{name}:{encoder}", LABELS, INTENTS * 2, tmp_path) as predictor:
        answers = ask(predictor, "where is my card", "a fee was charged")
        assert ask(predictor) == []
        assert predictor.size_bytes >= (encoder / "model.safetensors").stat().st_size
    assert [each.text for each in answers] == ["card", "fee"]
    for each in answers:
        assert sum(map(math.exp, each.logprobs.values())) == pytest.approx(1.0, abs=1e-6)
        assert each.text == max(each.logprobs, key=each.logprobs.get)


def test_the_number_of_neighbours_is_chosen_on_the_train_rows(encoder, tmp_path):
    noisy = [*INTENTS * 3, pair("where is my card", "fee")]
    with load(f"nearest:{encoder}", LABELS, noisy, tmp_path) as predictor:
        assert predictor.note.endswith("nearest of 28 rows")
        assert ask(predictor, "where is my card")[0].text == "card"


def test_closed_fields_are_classified_by_vectors(encoder, tmp_path):
    with load(f"encoder:{encoder}", ORDER_FIELDS, orders(), tmp_path) as predictor:
        answers = [
            json.loads(each.text)
            for each in ask(predictor, "I bought 3 and the bill is wrong", "my order A-107 is late")
        ]
    assert [(each["kind"], each["order"]) for each in answers] == [("billing", None), ("delivery", "A-107")]


def test_an_unknown_encoder_is_another_error_than_one_that_is_not_here(tmp_path, monkeypatch):
    monkeypatch.setenv("NARROWCAST_HOME", str(tmp_path / "home"))
    with pytest.raises(ModelError, match="no encoder is called 'minilmm'") as unknown:
        load("encoder:minilmm", LABELS, INTENTS, tmp_path)
    assert "near: minilm" in str(unknown.value.where)
    with pytest.raises(ModelError, match="the encoder minilm is not on this machine") as absent:
        load("encoder:minilm", LABELS, INTENTS, tmp_path)
    assert absent.value.next_command == "narrowcast models pull minilm"


def test_neighbours_answer_labels_alone(encoder, tmp_path):
    with pytest.raises(UsageError, match="no nearest-neighbour baseline"):
        load(f"nearest:{encoder}", ORDER_FIELDS, INTENTS, tmp_path)


def test_a_random_field_finds_spans_of_words_it_has_not_seen(tmp_path):
    names = ["Ann", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ian", "Jo"]
    towns = ["Rome", "Oslo", "Bonn", "Lima", "Baku"]
    pairs = [
        pair(f"please tell {name} that {town} is {what}", json.dumps({"person": [name], "town": [town]}))
        for name in names
        for town in towns
        for what in ("far", "cold", "full")
    ]
    with load("crf", SPANS, pairs, tmp_path) as predictor:
        answers = ask(predictor, "please tell Zoe that Kyiv is far", "nothing here")
    assert [json.loads(each.text) for each in answers] == [{"person": ["Zoe"], "town": ["Kyiv"]}, {}]
    with pytest.raises(UsageError, match="nothing to tag"):
        load("crf", LABELS, INTENTS, tmp_path)


def test_a_random_field_copies_open_fields_and_classifies_closed_ones(tmp_path):
    with load("crf", ORDER_FIELDS, orders(), tmp_path) as predictor:
        answers = ask(predictor, "my order A-977 is late", "I bought 3 and the bill is wrong")
    assert [json.loads(each.text)["order"] for each in answers] == ["A-977", None]
    assert [json.loads(each.text)["kind"] for each in answers] == ["delivery", "billing"]


def log_probabilities(model, inputs, temperature):
    return log_softmax((inputs @ model.coef_.T + model.intercept_) / temperature, axis=1)


def test_the_temperature_calibrates_margins_and_changes_no_answer():
    draw = np.random.default_rng(5)
    classes = draw.integers(0, 3, 1_500)
    inputs = draw.normal(size=(1_500, 6)) + 1.1 * np.eye(3, 6)[classes]
    targets = [f"c{each}" for each in classes]
    model = CalibratedSVM().fit(inputs[:1_000], targets[:1_000])
    table = log_probabilities(model, inputs[1_000:], model.temperature)
    right = np.array([model.classes_.tolist().index(each) for each in targets[1_000:]])
    sure = np.exp(table.max(axis=1))
    accuracy = (table.argmax(axis=1) == right).mean()
    assert (model.classes_[table.argmax(axis=1)] == model.predict(inputs[1_000:])).all()
    assert abs(sure.mean() - accuracy) < 0.05
    raw = CalibratedSVM(calibrate=False).fit(inputs[:1_000], targets[:1_000])
    uncalibrated = np.exp(log_probabilities(raw, inputs[1_000:], 1.0).max(axis=1)).mean()
    assert abs(uncalibrated - accuracy) > 0.05  # margins alone are not probabilities


def test_a_label_with_too_few_rows_gives_answers_without_probabilities(tmp_path):
    few = [*INTENTS, pair("another thing", "never seen")]
    with load("svm", LABELS, few, tmp_path) as predictor:
        answer = ask(predictor, "is the card on its way")[0]
    assert (answer.text, answer.logprobs) == ("card", None)
    assert "no probabilities" in predictor.note


def test_scores_that_separate_all_rows_are_not_taken_for_certainty():
    draw = np.random.default_rng(0)
    for rows in (30, 300):
        right = draw.integers(0, 5, rows)
        scores = 2 * np.eye(5)[right] + draw.normal(0, 0.1, (rows, 5))
        temperature = fitted_temperature(scores, right)
        likely = np.exp(log_softmax(scores / temperature, axis=1))[np.arange(rows), right]
        assert likely.mean() == pytest.approx(1 - 1 / (rows + 2), abs=0.5 / rows)
        assert fitted_temperature(3 * scores, right) == pytest.approx(3 * temperature)


def test_probabilities_are_fitted_to_rows_of_other_groups():
    """Each group repeats one text: out of its group a text says nothing of its label."""
    draw = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 10)
    inputs = np.repeat(draw.normal(size=(60, 80)), 10, axis=0)
    labels = np.repeat(["a", "b"] * 30, 10)
    alone = CalibratedSVM().fit(inputs, labels)
    grouped = CalibratedSVM(groups=[f"g{each}" for each in groups]).fit(inputs, labels)
    assert alone.temperature is not None
    assert grouped.temperature is not None
    assert grouped.temperature > 3 * alone.temperature


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_groups_than_folds_are_no_error(count):
    draw = np.random.default_rng(0)
    inputs, labels = draw.normal(size=(40, 8)), np.repeat(["a", "b"], 20)
    model = CalibratedSVM(groups=[f"g{row % count}" for row in range(40)]).fit(inputs, labels)
    assert (model.temperature is None) == (count == 1)
