"""Pictures: real PNG files of a readable size, equal for equal data."""

import struct

import pytest

from narrowcast.core.metric import MetricValue
from narrowcast.evaluation.figures.bars import draw_bars
from narrowcast.evaluation.figures.canvas import shorten
from narrowcast.evaluation.figures.confusion import draw_confusion
from narrowcast.evaluation.figures.models import draw_models
from narrowcast.evaluation.result import ModelResult, Speed

pytestmark = pytest.mark.nightly


def size(picture: bytes) -> tuple[int, int]:
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def matrix(labels: int, invalid: int = 0) -> list[list[int]]:
    return [[30 if row == column else 1 for column in range(labels)] + [invalid] for row in range(labels)]


def confusion(labels: int, invalid: int = 0) -> bytes:
    names = [f"label_{number}" for number in range(labels)]
    return draw_confusion(names, matrix(labels, invalid), heading="Confusion matrix", sub="test, 9 rows")


def test_a_big_confusion_matrix_gets_room_for_every_name():
    small, big = size(confusion(3)), size(confusion(77))
    assert big[0] > 77 * 22
    assert big[1] > 77 * 22
    assert small[0] < 1100


def test_of_very_many_labels_those_with_mistakes_are_drawn():
    names = [f"label_{number}" for number in range(500)]
    counts = [[2 * (row == column) for column in range(501)] for row in range(500)]
    for number in range(0, 500, 4):
        counts[number][(number + 1) % 500] = 1
    picture = draw_confusion(names, counts, heading="Confusion matrix", sub="test")
    assert size(picture) <= tuple(1.1 * each for each in size(confusion(160)))
    kept = [number for number in range(500) if number % 4 == 0 or (number - 1) % 4 == 0][:160]
    alone = [[*(counts[row][column] for column in kept), 0] for row in kept]
    sub = "test; 160 of 500 labels, those with the most mistakes"
    same = draw_confusion([names[each] for each in kept], alone, heading="Confusion matrix", sub=sub)
    assert picture == same


def test_of_very_many_parts_the_weakest_are_drawn():
    values = {f"part_{n}": MetricValue(value=n / 500, low=n / 500, high=n / 500) for n in range(500)}
    few = dict(list(values.items())[:160])
    sub = "test; the weakest 160 of 500"
    one, other = (
        draw_bars(each, metric="f1", heading="F1", sub=said, support={})
        for each, said in ((values, "test"), (few, sub))
    )
    assert one == other


def test_answers_that_are_not_a_label_get_a_column_only_where_there_are_any():
    assert confusion(3) != confusion(3, invalid=2)


def test_equal_data_gives_equal_bytes():
    assert confusion(3) == confusion(3)


@pytest.mark.parametrize("count", [1, 5, 77])
def test_bars_grow_with_their_number(count):
    values = {
        f"name {number}": MetricValue(value=number / count, low=0.0, high=1.0) for number in range(count)
    }
    picture = draw_bars(values, metric="f1", heading="F1 by class", sub="x", support={"name 0": 4})
    assert size(picture)[1] >= 25 * count


def test_models_are_drawn_with_their_intervals():
    def result(name: str, value: float) -> ModelResult:
        return ModelResult(
            model=name,
            split="test",
            n=9,
            primary="macro_f1",
            metrics={"macro_f1": MetricValue(value=value, low=value - 0.1, high=value + 0.1)},
            speed=Speed(latency_p50_ms=1, latency_p95_ms=2, tokens_per_second=None, load_seconds=0),
            predictions="",
            failures="",
        )

    results = [result("tfidf", 0.8), result("run:exp-1", 0.9)]
    one = draw_models(results, subjects=["tfidf"], sub="x")
    two = draw_models(results, subjects=["run:exp-1"], sub="x")
    assert size(one) == size(two)
    assert one != two


def test_no_figure_stays_in_a_global_list():
    import sys

    confusion(3)
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


def test_long_names_are_cut_with_an_ellipsis():
    assert shorten("a" * 40, 10) == "a" * 9 + "…"
    assert shorten("short", 10) == "short"
