"""The autopilot fills in what is left open, with reasons, and nothing else."""

from __future__ import annotations

import pytest

from narrowcast.errors import DataError
from narrowcast.experiments.autopilot import choose
from tests.support.datasets import save_dataset, sentences, split_rows


@pytest.fixture
def prepared(project):
    save_dataset(project.paths.root, split_rows(sentences(60), dev=12))
    return project


def test_a_machine_without_downloads_takes_the_embedded_base(prepared):
    choice = choose(prepared)
    assert choice.options == {"base": "embedded", "recipe": "full", "batch_size": 8}
    assert set(choice.reasons) == set(choice.options)
    assert "48 rows" in choice.reasons["batch_size"]
    (looked_at,) = choice.bases
    assert looked_at.verdict == "fits"
    assert looked_at.minutes >= 0


def test_what_the_user_gave_is_left_alone(prepared):
    choice = choose(prepared, {"base": "qwen3-0.6b", "batch_size": 16})
    assert choice.options == {}
    assert choice.reasons == {}
    assert "recipe" not in choose(prepared, {"method": "lora"}).options


@pytest.mark.parametrize("method", ["linear", "encoder"])
def test_a_classifier_leaves_nothing_open(prepared, method):
    choice = choose(prepared, {"method": method})
    assert (choice.options, choice.reasons) == ({}, {})


def test_without_a_data_set_there_is_nothing_to_choose_from(project):
    with pytest.raises(DataError):
        choose(project)
