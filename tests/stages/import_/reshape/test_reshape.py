"""Derived columns, filters and lists taken apart, from the command line and from `narrowcast.yaml`."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.errors import UsageError
from narrowcast.pipeline.project import Project
from narrowcast.store.config_file import load_config
from narrowcast.store.files import read_jsonl
from tests.support import imports as data
from tests.support.cli import Cli, CliJson

ROWS = [
    {
        "words": ["set", "an", "alarm", str(n)],
        "scenario": ("alarm", "list")[n % 2],
        "intent": "set",
        "keep": n % 3 != 0,
    }
    for n in range(60)
]
DERIVE = ['text = join(" ", words)', 'label = scenario + "_" + intent']


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def accepted(project: Project, record: Any) -> list[Example]:
    return [Example.from_dict(row) for row in read_jsonl(project.paths.accepted / f"{record.id}.jsonl")]


def test_columns_are_derived_and_rows_filtered(project: Project, tmp_path: Path, cli: Cli) -> None:
    path = written(tmp_path / "rows.jsonl", ROWS)
    cli("data", "import", "-p", project.slug, "--locator", f"jsonl:{path}",
        "--mapper", "label_to_classification", "--map", "text=text,label=label",
        "--derive", DERIVE[0], "--derive", DERIVE[1],
        "--where", "keep = true")  # fmt: skip
    [record] = data.imports(project)
    assert record.rejected == {"filtered_out": 20}
    rows = accepted(project, record)
    assert [row.index for row in rows[:3]] == [1, 2, 4]
    assert rows[0].inputs == {"text": "set an alarm 1"}
    assert {row.target for row in rows} == {"alarm_set", "list_set"}
    assert data.ledger(project).balanced
    # What was asked for is in the configuration and in the record.
    [source] = load_config(project.paths.config).sources
    assert (source.derive, source.where) == (DERIVE, "keep = true")
    assert record.origin["where"] == "keep = true"
    # The same command again, and a run of the whole project, change nothing.
    again = data.import_rows(project, f"jsonl:{path}")
    assert isinstance(again, data.ImportOutcome)
    assert (again.change, again.record.id) == ("unchanged", record.id)


def test_another_filter_is_another_import_of_the_source(project: Project, tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", ROWS)
    fields = {"text": "text", "label": "label"}
    asked: dict[str, Any] = {"mapper": "label_to_classification", "field_map": fields, "derive": DERIVE}
    data.import_rows(project, f"jsonl:{path}", **asked)
    outcome = data.import_rows(project, f"jsonl:{path}", **asked, where="not keep")
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.change == "replaced"
    assert outcome.record.accepted == 20
    assert len(data.imports(project)) == 1


def test_introspection_sees_derived_columns_and_no_row_that_is_left_out(
    project: Project, tmp_path: Path, cli_json: CliJson
) -> None:
    rows = [
        {"words": f"please set alarm number {n}", "kind": ("a", "b")[n % 2], "keep": n < 60}
        for n in range(90)
    ]
    path = written(tmp_path / "rows.jsonl", rows)
    preview = cli_json("data", "import", "-p", project.slug, "--locator", f"jsonl:{path}", "--auto",
                       "--dry-run", "--derive", "text = words", "--derive", "label = kind", "--where", "keep",
                       "--map", "text=text,label=label", "--mapper", "label_to_classification")  # fmt: skip
    assert (preview["accepted"], preview["rejected"]) == (60, {"filtered_out": 30})


def test_lists_are_taken_apart_and_stay_in_one_split(project: Project, tmp_path: Path) -> None:
    rows = [
        {"title": f"page {n}", "pairs": [{"q": f"what is {n} and {k}", "a": f"it is {n}"} for k in range(2)]}
        for n in range(30)
    ]
    rows.append({"title": "none", "pairs": []})
    path = written(tmp_path / "rows.jsonl", rows)
    outcome = data.import_rows(
        project, f"jsonl:{path}", mapper="qa_pair_passthrough", explode="pairs",
        field_map={"question": "pairs.q", "answer": "pairs.a", "context": "title"},
    )  # fmt: skip
    assert isinstance(outcome, data.ImportOutcome)
    assert (outcome.record.accepted, outcome.record.rejected) == (60, {"parse_error": 1})
    found = accepted(project, outcome.record)
    assert found[1].inputs == {"question": "what is 0 and 1", "context": "page 0"}
    assert found[0].group == found[1].group != found[2].group


def test_a_row_whose_values_do_not_fit_is_rejected_alone(project: Project, tmp_path: Path) -> None:
    rows = [*ROWS, {**ROWS[0], "words": 3}]
    outcome = data.import_rows(
        project, f"jsonl:{written(tmp_path / 'rows.jsonl', rows)}", mapper="label_to_classification",
        field_map={"text": "text", "label": "label"}, derive=DERIVE,
    )  # fmt: skip
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.rejected == {"parse_error": 1}


@pytest.mark.parametrize(
    "options",
    [
        {"where": "keeep = true"},
        {"derive": ["label = scenrio"]},
        {"explode": "wrds"},
        {"derive": ["no equals"]},
    ],
)
def test_what_is_misspelt_is_refused_before_rows_are_read(
    project: Project, tmp_path: Path, options: dict[str, Any]
) -> None:
    path = written(tmp_path / "rows.jsonl", ROWS)
    with pytest.raises(UsageError, match=r"has no column|NAME = EXPRESSION"):
        data.import_rows(project, f"jsonl:{path}", auto=True, **options)


def test_a_source_of_the_project_file_is_reshaped(
    project: Project, tmp_path: Path, cli_json: CliJson
) -> None:
    path = written(tmp_path / "rows.jsonl", ROWS)
    fields = {"text": "text", "label": "label"}
    spec = {"locator": f"jsonl:{path}", "mapper": "label_to_classification", "map": fields, "derive": DERIVE,
            "where": "keep"}  # fmt: skip
    with project.paths.config.open("a") as file:
        file.write(f"sources: {json.dumps([spec])}\n")
    outcome = data.import_rows(project, f"jsonl:{path}")
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.accepted == 40


def test_many_rows_may_be_left_out_of_a_proposed_mapping(project: Project, tmp_path: Path) -> None:
    rows = [
        {"text": f"the message about thing {n} and {n * n}", "label": "xyz"[n % 3], "keep": n < 30}
        for n in range(90)
    ]
    path = written(tmp_path / "rows.jsonl", rows)
    outcome = data.import_rows(project, f"jsonl:{path}", auto=True, where="keep")
    assert isinstance(outcome, data.ImportOutcome)
    assert outcome.record.rejected == {"filtered_out": 60}
