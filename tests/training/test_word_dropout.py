"""Inputs that lose tokens: what stays, what varies, what it is a function of."""

from __future__ import annotations

import pytest

from narrowcast.core.task import TaskSpec
from narrowcast.models.loading import resolve_base
from narrowcast.training.data.word_dropout import WordDropout
from narrowcast.training.recipes.recipe import choose_recipe
from narrowcast.training.setup import build_setup

pytestmark = pytest.mark.nightly


@pytest.fixture
def rows(workshop):
    return build_setup(workshop.options(), workshop.context()).train.rows


def test_instruction_turn_markers_and_answer_stay(rows):
    noisy = WordDropout(rows, 0.5, seed=0)
    begin, end = rows[0].ids[:3], rows[0].ids[rows[0].prompt_length - 3 : rows[0].prompt_length]
    known = {token for row in rows for token in row.ids}
    for index, row in enumerate(rows):
        got = noisy[index]
        prompt = got.ids[: got.prompt_length]
        assert got.ids[got.prompt_length :] == row.ids[row.prompt_length :]
        assert (prompt[:3], prompt[-3:]) == (begin, end)
        assert len(got.ids) <= len(row.ids)
        assert set(got.ids) <= known


def test_the_share_is_lost_half_of_it_without_a_trace(rows):
    noisy = WordDropout(rows, 0.3, seed=0)
    inputs = gone = 0
    for epoch in range(40):
        noisy.set_epoch(epoch)
        for index, row in enumerate(rows):
            inputs += len(noisy._input(row.ids[: row.prompt_length]))
            gone += len(row.ids) - len(noisy[index].ids)
    assert 0.13 < gone / inputs < 0.17


def test_an_epoch_has_its_own_noise_and_always_the_same(rows):
    one, other = WordDropout(rows, 0.3, seed=0), WordDropout(rows, 0.3, seed=0)
    first = [one[index].ids for index in range(len(rows))]
    assert first == [other[index].ids for index in range(len(rows))]
    one.set_epoch(1)
    assert first != [one[index].ids for index in range(len(rows))]
    assert first != [WordDropout(rows, 0.3, seed=1)[index].ids for index in range(len(rows))]


def test_equal_prompts_stay_as_they_are(rows):
    assert WordDropout(rows[:1], 0.9, seed=0)[0].ids == rows[0].ids


def test_training_meets_the_noise_of_its_epoch(workshop):
    plain, noisy = (workshop.train(word_dropout=share, method="full") for share in (0.0, 0.4))
    assert plain.weights_sha256 != noisy.weights_sha256
    again = workshop.elsewhere().train(word_dropout=0.4, method="full")
    assert again.weights_sha256 == noisy.weights_sha256


def test_only_labels_of_a_small_base_are_noisy_by_themselves(workshop):
    base = resolve_base(str(workshop.base), workshop.context().settings)

    def chosen(profile, **fields):
        task = TaskSpec(profile=profile, labels=["a"] if profile == "classification" else [])
        return choose_recipe(workshop.options(**fields), base, task, 100, 50).word_dropout

    assert chosen("classification") > 0
    assert chosen("classification", method="lora") == 0
    assert chosen("classification", word_dropout=0.0) == 0
    assert chosen("structured_extraction") == 0
