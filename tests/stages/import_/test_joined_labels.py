"""Labels that look alike are joined in one spelling that they have; rare labels of sets are named."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.pipeline.project import Project
from narrowcast.stages.import_.mapping.reasons import REJECTIONS
from narrowcast.store.config_file import load_config
from narrowcast.tasks.multi_label import label_set
from tests.support import imports as data

_TEXT = "message about the thing that came as number"


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def imported(project: Project, path: Path, **options: Any) -> data.ImportOutcome:
    outcome = data.import_rows(project, f"jsonl:{path}", **options)
    assert isinstance(outcome, data.ImportOutcome)
    return outcome


def labels_of(project: Project) -> list[str]:
    task = load_config(project.paths.config).task
    assert task is not None
    return task.labels or label_set(task)


def single(labels: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"text": f"{_TEXT} {n} and {7 * n}", "label": labels[n % len(labels)]} for n in range(80)]


def warnings_of(outcome: data.ImportOutcome) -> list[str]:
    assert outcome.plan is not None
    return outcome.plan.warnings


FIELDS = {"text": "text", "label": "label", "alike": "join"}
JOIN: dict[str, Any] = {"mapper": "label_to_classification", "field_map": FIELDS}


def test_labels_without_a_double_keep_their_spelling(project: Project, tmp_path: Path) -> None:
    labels = ("Top up", "top_up", "card_arrival", "top_up", "Lost Card")
    imported(project, written(tmp_path / "rows.jsonl", single(labels)), **JOIN)
    assert labels_of(project) == ["card_arrival", "Lost Card", "top_up"]


def test_a_later_import_takes_the_spelling_of_the_project(project: Project, tmp_path: Path) -> None:
    imported(project, written(tmp_path / "one.jsonl", single(("Billing", "other"))), auto=True)
    more = [{**row, "text": f"more: {row['text']}"} for row in single(("billing", "BILLING", "billing"))]
    imported(project, written(tmp_path / "two.jsonl", more), **JOIN)
    assert labels_of(project) == ["Billing", "other"]


def test_a_dry_run_joins_as_the_import_does(project: Project, tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", single(("Late", "late", "late", "Lost_Card")))
    shown = data.import_rows(project, f"jsonl:{path}", dry_run=True, **JOIN)
    assert shown.task.labels == ["late", "Lost_Card"]
    assert [each["target"] for each in shown.sample[:2]] == ["late", "late"]


def test_labels_of_sets_are_joined_in_the_most_frequent_spelling(project: Project, tmp_path: Path) -> None:
    sets = (["Urgent", "Big_One"], ["urgent"], ["urgent", "URGENT"], ["Big_One"])
    rows = [{"text": f"{_TEXT} {n}", "labels": sets[n % 4]} for n in range(80)]
    fields = {"text": "text", "labels": "labels", "alike": "join"}
    path = written(tmp_path / "rows.jsonl", rows)
    imported(project, path, mapper="labels_to_multi_label", field_map=fields)
    assert labels_of(project) == ["Big_One", "urgent"]


FORMS: dict[str, Any] = {
    "lists": lambda names: names,
    "lists as text": json.dumps,
    "a separator": ";".join,
}


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_rare_labels_of_sets_are_named(project: Project, tmp_path: Path, form: str, named: bool) -> None:
    sets = [(["billing"], ["late", "billing"], ["late"], ["rude", "late"])[n % 4] for n in range(80)]
    sets[3], sets[50] = ["biling"], ["TODO ask Maria", "late"]
    rows = [{"text": f"{_TEXT} {n}", "labels": FORMS[form](names)} for n, names in enumerate(sets)]
    path = written(tmp_path / "rows.jsonl", rows)
    fields = {"text": "text", "labels": "labels"}
    if form == "a separator":
        fields["separator"] = ";"
    how: dict[str, Any] = (
        {"mapper": "labels_to_multi_label", "field_map": fields} if named else {"auto": True}
    )
    outcome = imported(project, path, **how)
    assert "2 labels have fewer than 5 rows: biling, TODO ask Maria" in warnings_of(outcome)


def test_rare_labels_are_named_whoever_named_the_column(project: Project, tmp_path: Path) -> None:
    rows = single(("billing", "late"))
    rows[30]["label"] = "biling"
    how: dict[str, Any] = {**JOIN, "field_map": {"text": "text", "label": "label"}}
    outcome = imported(project, written(tmp_path / "rows.jsonl", rows), **how)
    assert "1 label has fewer than 5 rows: biling" in warnings_of(outcome)


def test_the_reason_of_a_wrong_label_is_true_of_sets() -> None:
    assert REJECTIONS["invalid_label"].endswith("or no list where several are")
