"""Rows with several labels: imported, prepared, measured against a linear model."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.errors import DataError
from narrowcast.pipeline.project import Project
from narrowcast.store.config_file import load_config
from narrowcast.store.files import read_jsonl
from narrowcast.tasks import handler_for
from narrowcast.tasks.multi_label import label_set, label_set_task
from tests.support import imports as data
from tests.support.cli import Cli, CliJson

THEMES = {
    "billing": "I was charged for invoice",
    "delivery": "the parcel is late, order",
    "urgent": "right now, case",
}


def rows(count: int = 90) -> list[dict[str, Any]]:
    names = list(THEMES)
    made = []
    for n in range(count):
        labels = [name for place, name in enumerate(names) if (n >> place) & 1]
        said = [f"{THEMES[label]} {n * 7 + place}" for place, label in enumerate(labels)]
        made.append({"text": " and ".join(said) or f"hello there number {n}", "labels": labels[::-1]})
    return made


def written(path: Path, made: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in made))
    return path


def test_lists_of_labels_are_imported_and_measured(
    project: Project, tmp_path: Path, cli: Cli, cli_json: CliJson
) -> None:
    path = written(tmp_path / "rows.jsonl", rows(240))
    outcome = data.import_rows(project, f"jsonl:{path}", auto=True)
    assert isinstance(outcome, data.ImportOutcome)
    record = outcome.record
    assert (record.mapper, record.accepted, record.rejected) == ("labels_to_multi_label", 240, {})
    found = [Example.from_dict(row) for row in read_jsonl(project.paths.accepted / f"{record.id}.jsonl")]
    assert found[0].target == {"labels": []}
    assert found[7].target == {"labels": ["billing", "delivery", "urgent"]}
    task = load_config(project.paths.config).task
    assert task is not None
    assert label_set(task) == ["billing", "delivery", "urgent"]
    cli("prepare", "-p", project.slug)
    shown = cli_json("baseline", "-p", project.slug, "--models", "majority,tfidf")
    values = {each["model"]: each["metrics"]["micro_f1"]["value"] for each in shown["results"]}
    assert values["majority"] < 0.5 < 0.9 < values["tfidf"]


@pytest.mark.parametrize(
    ("value", "extra", "labels"),
    [
        ('["b", "a"]', {}, ["a", "b"]),
        ("b; a;", {"separator": ";"}, ["a", "b"]),
        (["b", "b ", 1, True], {}, ["1", "b", "true"]),
        ([], {}, []),
    ],
)
def test_forms_of_a_list(
    project: Project, tmp_path: Path, value: Any, extra: dict[str, str], labels: Any
) -> None:
    path = written(tmp_path / "rows.jsonl", [{"text": "one", "tags": value}, {"text": "two", "tags": None}])
    fields = {"text": "text", "labels": "tags", **extra}
    outcome = data.import_rows(project, f"jsonl:{path}", mapper="labels_to_multi_label", field_map=fields)
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.rejected == {"missing_label": 1}
    [row] = read_jsonl(project.paths.accepted / f"{outcome.record.id}.jsonl")
    assert row["target"] == {"labels": labels}


def test_labels_that_look_alike_are_refused_here_too(project: Project, tmp_path: Path) -> None:
    made = [
        {"text": f"text number {n}", "labels": ["Urgent", "billing"] if n % 2 else ["urgent"]}
        for n in range(40)
    ]
    with pytest.raises(DataError, match="look alike"):
        data.import_rows(project, f"jsonl:{written(tmp_path / 'rows.jsonl', made)}", auto=True, force=True)


def test_a_second_import_adds_labels(project: Project, tmp_path: Path) -> None:
    data.import_rows(project, f"jsonl:{written(tmp_path / 'one.jsonl', rows())}", auto=True)
    more = [{"text": f"and another text {n}", "labels": ["refund", "billing"]} for n in range(30)]
    fields = {"text": "text", "labels": "labels"}
    data.import_rows(
        project,
        f"jsonl:{written(tmp_path / 'two.jsonl', more)}",
        mapper="labels_to_multi_label",
        field_map=fields,
    )
    task = load_config(project.paths.config).task
    assert task is not None
    assert label_set(task) == ["billing", "delivery", "urgent", "refund"]
    assert handler_for(task).check(Example({"text": "x"}, {"labels": ["refund"]})) is None


def test_scores_against_hand_counts() -> None:
    handler = handler_for(label_set_task(["a", "b", "c"]))
    examples = [
        Example({"text": str(n)}, {"labels": labels})
        for n, labels in enumerate((["a", "b"], ["b"], [], ["a"]))
    ]
    answers = ['{"labels": ["b", "a"]}', '{"labels": ["a"]}', '{"labels": []}', "nonsense"]
    scores = handler.score(examples, [Prediction(text=each) for each in answers])
    # a: 1 hit, 1 too many, 1 missed; b: 1 hit, 1 missed; c: never wanted
    assert scores.metrics["micro_f1"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))
    assert scores.metrics["f1/a"] == pytest.approx(2 / 4)
    assert scores.metrics["f1/b"] == pytest.approx(2 / 3)
    assert scores.metrics["macro_f1"] == pytest.approx((2 / 4 + 2 / 3) / 2)
    assert scores.metrics["exact_match"] == 0.5
    assert scores.metrics["invalid_rate"] == 0.25
    assert [row.correct for row in scores.rows] == [True, False, True, False]
    assert handler.to_messages({"text": "x"}, {"labels": ["b", "a"]})[-1].content == '{"labels": ["a", "b"]}'
