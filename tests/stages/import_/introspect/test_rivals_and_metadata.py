"""Readings that no row bears out say nothing, and what a platform notes of a message does not label it."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.pipeline.project import Project
from tests.support import imports as data
from tests.support.cli import Cli

_ROWS = 200


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"jsonl:{path}"


def text(n: int) -> str:
    return f"where is the kettle of order {n * 37} that never came"


def test_a_reading_that_rejects_every_row_is_not_against_another(project: Project, tmp_path: Path) -> None:
    names = ("late", "broken", "refund")
    rows: list[dict[str, Any]] = [
        {"text": text(n), "labels": [names[n % 3], *([names[(n + 1) % 3]] if n % 2 else [])]}
        for n in range(_ROWS)
    ]
    rows[150]["labels"] = {"late": True, "broken": False, "refund": False}
    locator = written(tmp_path / "rows.jsonl", rows)
    report = data.introspect(locator).report
    assert report.proposal is not None
    assert report.proposal.confidence == report.hypotheses[0].confidence >= 0.8
    outcome = data.import_rows(project, locator, auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.rejected == {"invalid_label": 1}


def test_introspect_shows_the_confidence_that_an_import_goes_by(
    project: Project, tmp_path: Path, cli: Cli
) -> None:
    rows = [
        {
            "text": text(n),
            "label": ("late", "broken")[n % 2],
            "spans": [{"start": 13, "end": 19, "type": ("thing", "good")[n % 2]}],
        }
        for n in range(_ROWS)
    ]
    locator = written(tmp_path / "rows.jsonl", rows)
    report = data.introspect(locator).report
    assert report.proposal is not None
    assert report.proposal.confidence < 0.8 <= report.hypotheses[0].confidence
    shown = report.as_proposed(report.hypotheses[0])
    assert (shown.confidence, shown.warnings) == (report.proposal.confidence, report.proposal.warnings)
    with pytest.raises(data.MappingUncertainError, match=f"confidence of {shown.confidence:.2f}"):
        data.import_rows(project, locator, auto=True)
    said = cli("data", "introspect", "--locator", locator).stdout
    assert f"{report.proposal.confidence:.2f}" in said
    assert f"{report.hypotheses[0].confidence:.2f}" not in said


NOTED = ("is_reply", "is_retweet", "has_media")


def test_flags_that_a_platform_notes_are_named(project: Project, tmp_path: Path) -> None:
    rows = [{"text": text(n), **{name: (n >> k) % 2 for k, name in enumerate(NOTED)}} for n in range(_ROWS)]
    with pytest.raises(data.MappingUncertainError, match="is_reply, is_retweet, has_media may be"):
        data.import_rows(project, written(tmp_path / "rows.jsonl", rows), auto=True)


def test_flags_that_name_labels_are_used(project: Project, tmp_path: Path) -> None:
    names = ("is_late", "is_broken", "is_rude")
    rows = [{"text": text(n), **{name: (n >> k) % 2 for k, name in enumerate(names)}} for n in range(_ROWS)]
    assert isinstance(
        data.import_rows(project, written(tmp_path / "rows.jsonl", rows), auto=True), data.ImportOutcome
    )


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("lang", ("en", "de", "fr")),
        ("country", ("NL", "BE", "DE")),
        ("gender", ("female", "male", "other")),
        ("is_retweet", (True, False, False)),
    ],
)
def test_where_and_by_whom_a_text_was_written_does_not_label_it(
    project: Project, tmp_path: Path, column: str, values: tuple[object, ...]
) -> None:
    rows = [{"text": text(n), column: values[n % 3]} for n in range(_ROWS)]
    locator = written(tmp_path / "rows.jsonl", rows)
    with pytest.raises(data.MappingUncertainError, match=f"{column!r} may"):
        data.import_rows(project, locator, auto=True)
    fields = {"text": "text", "label": column}
    how: dict[str, Any] = {"mapper": "label_to_classification", "field_map": fields}
    assert isinstance(data.import_rows(project, locator, **how), data.ImportOutcome)
