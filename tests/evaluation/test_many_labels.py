"""Baselines where nearly every label has two rows."""

from __future__ import annotations

import warnings

FEW = ("--samples", "100")


def test_a_label_for_nearly_every_row_draws_no_warning_of_a_library(prepared, cli_json):
    rows = [
        {"text": f"question {number * 7919} of somebody who waits", "label": f"kind_{number // 2}"}
        for number in range(240)
    ]
    project = prepared(rows)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The number of unique classes")
        result = cli_json("baseline", "--models", "tfidf,svm", "-p", project.slug, *FEW)
    assert [each["model"] for each in result["results"]] == ["tfidf", "svm"]
