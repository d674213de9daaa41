"""Search spaces: data, checked as a whole."""

from __future__ import annotations

import pytest

from narrowcast.errors import UsageError
from narrowcast.experiments.search.space import (
    Dimension,
    check_space,
    default_spaces,
    read_space,
    read_vary,
)


def test_default_spaces_begin_at_the_recipe():
    spaces = default_spaces()
    assert set(spaces) == {"full", "lora", "dora", "qlora"}
    for space in spaces.values():
        check_space(space, {})
        assert space["learning_rate"].start(3e-4) == 1.0
        assert space["batch_size"].start(32) == 32
    assert spaces["full"]["epochs"].settle(0.5, 5) == 2
    assert spaces["full"]["learning_rate"].settle(1.23456, 1e-3) == 0.00123


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        ("learning-rate", "1e-4..1e-2:log", Dimension(low=1e-4, high=1e-2, log=True)),
        ("epochs", "2..8", Dimension(low=2, high=8)),
        ("learning_rate", "0.5x..2x:log", Dimension(low=0.5, high=2, log=True, relative=True)),
        ("base", "embedded,qwen3-0.6b", Dimension(values=["embedded", "qwen3-0.6b"])),
        ("batch_size", "16,32", Dimension(values=[16, 32])),
    ],
)
def test_vary(option, text, expected):
    assert read_vary({option: text}) == {option.replace("-", "_"): expected}


@pytest.mark.parametrize(
    ("option", "text"),
    [("epochs", ""), ("epochs", "8..2"), ("epochs", "a..b"), ("learning_rate", "0..1:log")],
)
def test_what_is_not_a_range_is_refused(option, text):
    with pytest.raises(UsageError):
        read_vary({option: text})


def test_a_space_of_ones_own(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text("epochs: {low: 1, high: 4}\nscheduler: {values: [cosine, linear]}\n")
    space = read_space(path)
    assert space["epochs"].start(9) == 4
    assert space["scheduler"].start("constant") == "cosine"
    path.write_text("epochs: {low: 1, high: 4, values: [1]}\n")
    with pytest.raises(UsageError, match="either low and high, or values"):
        read_space(path)
    path.write_text("- epochs\n")
    with pytest.raises(UsageError, match="YAML mapping"):
        read_space(path)
