"""What an import says of the mapping it took, and what it refuses once all rows were mapped."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from narrowcast.errors import DataError, UsageError
from narrowcast.pipeline.project import Project
from tests.support import imports as data
from tests.support.cli import Cli

LABELS = ("billing", "delivery", "other")


def written(path: Path, make: Callable[[int], Any], rows: int = 90) -> str:
    path.write_text("".join(json.dumps(make(number)) + "\n" for number in range(rows)))
    return f"jsonl:{path}"


def ticket(number: int) -> dict[str, Any]:
    return {
        "text": f"message about parcel number {number}",
        "label": LABELS[number % 3],
        "region": "ns"[number % 2],
    }


@pytest.mark.parametrize("option", ["--dry-run", "--force"])
def test_warnings_and_unused_columns_are_printed(cli: Cli, tmp_path: Path, option: str) -> None:
    locator = written(tmp_path / "x.jsonl", ticket)
    cli("--home", tmp_path / "home", "init", "tickets")
    done = cli(
        "--home", tmp_path / "home", "data", "import", "-p", "tickets", "--locator", locator, "--auto", option
    )
    assert "! the label could also be region" in done.stdout
    assert "! not used: region" in done.stdout


def test_a_mapping_nearly_as_sure_is_named(project: Project, tmp_path: Path) -> None:
    locator = written(
        tmp_path / "x.jsonl",
        lambda n: {
            "question": f"who has the number {n}",
            "context": f"room {n} has it",
            "answer": f"room {n}",
        },
    )
    preview = data.import_rows(project, locator, auto=True, dry_run=True)
    assert isinstance(preview, data.ImportPreview)
    assert preview.plan.mapper == "qa_pair_passthrough"
    assert any("rag_passthrough with question = question" in each for each in preview.plan.warnings)


def test_the_rows_that_are_imported_decide_not_only_those_drawn(project: Project, tmp_path: Path) -> None:
    """Introspection looks at more rows than a limited import takes; most of the first do not fit."""
    locator = written(
        tmp_path / "x.jsonl", lambda n: {**ticket(n), "label": LABELS[n % 3] if n > 60 else None}, 3_000
    )
    for options in ({"dry_run": True}, {}):
        with pytest.raises(DataError, match="does not fit: 61 of 100 rows are rejected") as caught:
            data.import_rows(project, locator, auto=True, limit=100, **options)
    assert "--mapper label_to_classification --map 'text=text,label=label'" in caught.value.next_command
    assert not data.imports(project)
    outcome = data.import_rows(project, locator, auto=True, limit=100, force=True)
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.accepted == 39


def test_one_column_in_two_roles_is_refused(project: Project, tmp_path: Path) -> None:
    locator = written(
        tmp_path / "x.jsonl", lambda n: {"question": f"why is that {n}", "answer": f"because {n}"}
    )
    with pytest.raises(UsageError, match="the column 'answer' is both question and answer"):
        data.import_rows(
            project,
            locator,
            mapper="qa_pair_passthrough",
            field_map={"question": "answer", "answer": "answer"},
        )
    with pytest.raises(UsageError, match="the column 'question' is both text and fields"):
        data.import_rows(
            project,
            locator,
            mapper="kv_to_structured",
            field_map={"text": "question", "fields": "answer|question"},
        )


def test_a_named_mapping_is_tried_too(project: Project, tmp_path: Path) -> None:
    locator = written(
        tmp_path / "x.jsonl", lambda n: {"text": f"label {LABELS[n % 3]} is meant", "label": LABELS[n % 3]}
    )
    outcome = data.import_rows(
        project, locator, mapper="label_to_classification", field_map={"text": "text", "label": "label"}
    )
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.plan is not None
    assert outcome.plan.warnings == ["90 of 90 targets are part of their own inputs"]


@pytest.mark.parametrize(
    ("make", "rows", "reason"),
    [
        (lambda n: {"text": f"message about parcel {n}", "type": "billing"}, 90, "'type' has the same"),
        (
            lambda n: {"text": f"m{n}", "label": LABELS[n % 3]},
            2,
            "there are 2 rows, and at least 20 are needed",
        ),
    ],
)
def test_a_refusal_names_the_reason(
    project: Project, tmp_path: Path, make: Callable[[int], Any], rows: int, reason: str
) -> None:
    with pytest.raises(DataError) as caught:
        data.import_rows(project, written(tmp_path / "x.jsonl", make, rows), auto=True)
    assert reason in str(caught.value)
