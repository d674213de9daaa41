import json
import random
from collections import Counter
from pathlib import Path
from statistics import median

import pytest

from narrowcast.stages.clean.language import language_of
from narrowcast.stages.clean.outliers import counted_median, usual_lengths
from narrowcast.stages.clean.quality import quality_of
from narrowcast.stages.clean.row import is_outlier
from tests.support.cli import CliJson

PROSE = (
    "The library opens at nine. Readers may borrow six books for four weeks, "
    "and renew them twice by telephone. Reference works stay in the building."
)


@pytest.mark.parametrize(
    "worse",
    [
        "@@## %%%% ^^^^ &&&& ***** ((((( ))))) ===== +++++ ~~~~~",
        "buy buy buy buy buy buy buy buy buy buy buy buy buy buy buy buy buy",
        "\n".join(["the same line again"] * 20),
        "w" * 300,
        PROSE.replace("e", "\ufffd"),
    ],
)
def test_prose_scores_above_noise_repetition_and_broken_characters(worse: str) -> None:
    assert quality_of(PROSE) == 1.0
    assert quality_of(worse) < 0.85


def test_scripts_without_spaces_are_not_noise() -> None:
    assert quality_of("図書館は九時に開きます。読者は四週間本を借りることができます。") > 0.9
    assert quality_of(" \n ") == 0.0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PROSE, "en"),
        ("Die Bibliothek öffnet um neun Uhr und schließt am Abend.", "de"),
        ("La bibliothèque ouvre à neuf heures tous les jours.", "fr"),
        ("図書館は九時に開きます。読者は四週間本を借りることができます。", "ja"),
        ("ok 123", "und"),
    ],
)
def test_languages_are_detected_offline_and_short_texts_are_undetermined(text: str, code: str) -> None:
    assert language_of(text).code == code


def test_unusual_lengths_are_outliers_and_few_texts_have_none() -> None:
    lengths = [100 + number for number in range(50)]
    usual = usual_lengths(Counter(lengths))
    assert not any(is_outlier(each, usual) for each in lengths)
    assert is_outlier(5_000, usual)
    assert is_outlier(2, usual)
    assert usual_lengths(Counter(lengths[:19])) is None
    assert is_outlier(100, usual_lengths({100: 30})) is False


def test_a_median_of_counted_values_is_that_of_the_values() -> None:
    chance = random.Random(5)
    for size in (1, 2, 3, 4, 9, 10, 50, 51):
        values = [round(chance.random(), 1) for _ in range(size)]
        assert counted_median(Counter(values).items()) == median(values)


def test_texts_in_parts_are_counted_and_rejected_by_the_same_length(
    tmp_path: Path, cli_json: CliJson
) -> None:
    longest = (usual_lengths({100: 30}) or (0, 0))[1]
    texts = [["a word " * 14 + "an"]] * 29 + [["longer " * 7, "x" * (longest - 49)]]
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps({"text": each}) + "\n" for each in texts), encoding="utf-8")
    cli_json("init", "parts")
    report = cli_json("data", "clean", "-p", "parts", "--locator", f"jsonl:{source}", "--column", "text",
                      "--outliers", "reject")  # fmt: skip
    assert (report["outlier_bounds"][1], report["outliers"], report["ledger"]["rejected"]) == (longest, 0, {})
