"""Imports through the Python API: what is kept, what is refused, what is said about it."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.core.names import ScoringMode, Split
from narrowcast.core.progress import CancelToken, NullProgress
from narrowcast.core.task import TaskSpec
from narrowcast.errors import (
    CancelledError,
    DataError,
    ProjectBusyError,
    UsageError,
    WorkspaceError,
)
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from tests.support import imports as data

TOPICS = {
    "card": "my card number {n} was not accepted in the shop",
    "limit": "how much may I spend in one week, account {n}",
    "top_up": "the money of order {n} has not arrived yet",
}


def csv_file(path: Path, rows: int = 90, bad: int = 0) -> Path:
    lines = ["text,label"]
    for number in range(rows):
        label = list(TOPICS)[number % len(TOPICS)]
        lines.append(f'"{TOPICS[label].format(n=number)}",{label}')
    lines[5:5] = ["too,many,fields"] * bad
    path.write_text("\n".join(lines) + "\n")
    return path


def imported(project: Project, locator: str, **options: Any) -> data.ImportOutcome:
    outcome = data.import_rows(project, locator, **options)
    assert isinstance(outcome, data.ImportOutcome)
    return outcome


def events(project: Project) -> list[str | None]:
    return [event.reason_code for event in project.trail.events()]


def test_an_import_keeps_every_row_and_records_itself(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "rows.csv", bad=2)
    outcome = imported(project, f"csv:{path}", auto=True, licence="CC0")
    record = outcome.record
    assert (record.rows, record.accepted, record.rejected) == (92, 90, {"parse_error": 2})
    assert record.field_map == {"text": "text", "label": "label"}
    assert (record.licence, record.forced) == ("CC0", False)
    examples = [Example.from_dict(row) for row in read_jsonl(project.paths.accepted / f"{record.id}.jsonl")]
    assert len(examples) == 90
    assert examples[0].target == "card"
    assert examples[0].source == record.id
    assert [example.index for example in examples[:6]] == [0, 1, 2, 3, 6, 7]
    rejected = list(read_jsonl(project.paths.rejected / f"{record.id}.jsonl"))
    assert [(row["reason"], row["raw"]) for row in rejected] == [("parse_error", "too,many,fields")] * 2
    assert data.imports(project) == [record]
    assert data.ledger(project).model_dump()["stages"] == [
        {
            "stage": f"map {record.id}",
            "rows_in": 92,
            "rows_out": 90,
            "rejected": {"parse_error": 2},
            "balanced": True,
        }
    ]
    event = project.trail.events()[-1]
    assert event.reason_code == "dataset_import_run"
    assert (
        event.payload.items()
        >= {
            "source": f"csv:{path}",
            "mapper": "label_to_classification",
            "accepted": 90,
            "rejected": 2,
            "written_path": f"data/accepted/{record.id}.jsonl",
        }.items()
    )
    assert len(event.payload["config_id"]) == 12


def test_the_task_is_proposed_recorded_and_extended(project: Project, tmp_path: Path) -> None:
    imported(project, f"csv:{csv_file(tmp_path / 'a.csv')}", auto=True)
    task = project.config.task
    assert task is not None
    assert (task.profile, task.labels, task.proposed_by) == (
        "classification",
        ["card", "limit", "top_up"],
        "introspection",
    )
    assert project.config.sources[0].map == {"text": "text", "label": "label"}
    lines = "a new kind of thing here,new\nmy card is lost,card\n"
    (tmp_path / "b.csv").write_text("text,label\n" + lines * 20)
    mapper = "label_to_classification"
    outcome = imported(project, f"csv:{tmp_path / 'b.csv'}", mapper=mapper, into=Split.TEST)
    assert outcome.record.rejected == {"label_not_allowed": 20}
    data.remove_import(project, outcome.record.id)
    outcome = imported(project, f"csv:{tmp_path / 'b.csv'}", mapper=mapper)
    assert outcome.record.rejected == {}
    assert outcome.task.labels == ["card", "limit", "top_up", "new"]


def test_the_same_rows_are_imported_once(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    first = imported(project, f"csv:{path}", auto=True)
    assert first.change == "new"
    again = imported(project, f"csv:{path}", auto=True)
    assert (again.change, again.record) == ("unchanged", first.record)
    copy = csv_file(tmp_path / "copy.csv")
    with pytest.raises(DataError, match=f"imported already, as {first.record.id}") as caught:
        data.import_rows(project, f"csv:{copy}", auto=True)
    assert caught.value.reason_code == "dataset_already_imported"
    assert len(data.imports(project)) == 1
    assert events(project)[-4:] == [
        "stage_started",
        "dataset_import_run",
        "stage_started",
        "dataset_already_imported",
    ]


def test_a_dry_run_writes_nothing_and_drops_only_from_the_sample(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", bad=3)
    before = sorted(project.paths.root.rglob("*"))
    for drop, shown in (([], 3), (["parse_error"], 0)):
        report = data.import_rows(project, f"csv:{path}", auto=True, dry_run=True, drop=drop)
        assert isinstance(report, data.ImportPreview)
        assert (report.rows, report.accepted, report.rejected) == (93, 90, {"parse_error": 3})
        assert len(report.rejected_sample.get("parse_error", [])) == shown
        assert report.sample[0]["target"] == "card"
        assert report.task.labels == ["card", "limit", "top_up"]
    assert sorted(project.paths.root.rglob("*")) == before
    assert events(project) == ["project_created"]
    assert project.config.task is None


def test_user_chosen_columns_groups_and_limit(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"body": f"the text {n}", "kind": n % 2, "user": {"id": n // 4}, "x": "y"} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    outcome = imported(
        project,
        f"jsonl:{path}",
        mapper="label_to_classification",
        field_map={"text": "body", "label": "kind"},
        group="user.id",
        limit=20,
    )
    assert (outcome.record.rows, outcome.record.confidence) == (20, None)
    examples = [Example.from_dict(row) for row in read_jsonl(project.paths.root / outcome.written_path)]
    assert [example.group for example in examples[:5]] == ["0", "0", "0", "0", "1"]
    assert outcome.task.labels == ["0", "1"]
    source = project.config.sources[0]
    assert (source.group, source.limit, source.map) == ("user.id", 20, {"text": "body", "label": "kind"})


def test_wrong_maps_are_refused_before_a_row_is_kept(project: Project, tmp_path: Path) -> None:
    locator = f"csv:{csv_file(tmp_path / 'a.csv')}"
    cases = [
        (
            {"mapper": "label_to_classification", "field_map": {"text": "txt"}},
            r"no column 'txt' \(columns: text",
        ),
        ({"mapper": "label_to_classification", "field_map": {"txt": "text"}}, "no field 'txt'"),
        ({"mapper": "bio_to_spans"}, "its field 'tokens' has no column"),
        ({"mapper": "nonsense"}, "no mapper is called 'nonsense'"),
        ({"auto": True, "group": "customer"}, "no column 'customer'"),
        ({}, "names no mapper"),
    ]
    for options, what in cases:
        with pytest.raises(UsageError, match=what):
            data.import_rows(project, locator, **options)  # type: ignore[arg-type]
    assert not project.paths.imports.exists()
    failures = [event for event in project.trail.events() if event.severity == "error"]
    assert len(failures) == len(cases)
    assert all(event.run and event.run.startswith("import-") for event in failures)


def test_under_the_threshold_force_is_needed_and_leaves_a_trace(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "few.csv", rows=12)
    with pytest.raises(data.MappingUncertainError, match=r"confidence of 0\.60, under 0\.80") as caught:
        data.import_rows(project, f"csv:{path}", auto=True)
    assert caught.value.introspection.report.hypotheses
    assert "--force" in caught.value.next_command
    outcome = imported(project, f"csv:{path}", auto=True, force=True)
    assert (outcome.record.forced, outcome.record.confidence) == (True, 0.6)
    assert events(project)[-2:] == ["dataset_import_forced", "dataset_import_run"]


def test_what_fits_no_shape_is_refused_even_with_force_and_says_what_was_seen(
    project: Project, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"x": n, "y": n / 2}) + "\n" for n in range(50)))
    with pytest.raises(data.MappingUncertainError, match=r"found: 50 rows of 2 column\(s\): x \(number"):
        data.import_rows(project, f"jsonl:{path}", auto=True, force=True)


def test_texts_without_answers_wait_for_the_task_that_labels_them(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": f"some words here {n}"}) + "\n" for n in range(50)))
    outcome = imported(project, f"jsonl:{path}", mapper="text_only", field_map={"text": "text"})
    assert (outcome.record.accepted, outcome.task.profile) == (50, "unlabelled")
    labelled = imported(project, f"csv:{csv_file(tmp_path / 'b.csv')}", auto=True)
    assert labelled.task.profile == "classification"
    assert project.config.task is not None
    assert project.config.task.profile == "classification"


def test_another_profile_is_a_conflict(project: Project, tmp_path: Path) -> None:
    task = TaskSpec(profile="structured_extraction", scoring_mode=ScoringMode.SPAN_SET)
    project.save_config(project.config.model_copy(update={"task": task}))
    with pytest.raises(UsageError, match="the project's task is structured_extraction"):
        data.import_rows(project, f"csv:{csv_file(tmp_path / 'a.csv')}", auto=True)


def test_sources_without_usable_rows(project: Project, tmp_path: Path) -> None:
    (tmp_path / "header.csv").write_text("text,label\n")
    with pytest.raises(DataError, match="the source has no rows"):
        data.import_rows(project, f"csv:{tmp_path / 'header.csv'}", auto=True)
    (tmp_path / "empty.csv").write_text("text,label\n" + " ,a\n" * 5 + "b,\n")
    with pytest.raises(DataError, match="not one of 6 rows could be mapped") as caught:
        data.import_rows(project, f"csv:{tmp_path / 'empty.csv'}", mapper="label_to_classification",
                         field_map={"text": "text", "label": "label"})  # fmt: skip
    assert "1 missing_label, 5 missing_text" in caught.value.where
    for folder in (project.paths.raw, project.paths.accepted, project.paths.rejected):
        assert not folder.exists() or not list(folder.iterdir())


def test_removing_an_import_takes_its_rows_and_its_proposed_task(project: Project, tmp_path: Path) -> None:
    record = imported(project, f"csv:{csv_file(tmp_path / 'a.csv')}", auto=True).record
    data.remove_import(project, record.id)
    assert data.imports(project) == []
    assert project.config.sources == []
    assert project.config.task is None
    assert not list(project.paths.raw.iterdir())
    assert events(project)[-1] == "dataset_import_removed"
    with pytest.raises(DataError, match="no such import"):
        data.remove_import(project, record.id)
    imported(project, f"csv:{tmp_path / 'a.csv'}", auto=True)


def test_a_busy_project_is_not_touched(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    with (
        Project.open(project.settings, str(project.paths.root)) as another,
        another.lock("train"),
        pytest.raises(ProjectBusyError, match="another process works"),
    ):
        data.import_rows(project, f"csv:{path}", auto=True)
    assert not project.paths.imports.exists()


def test_a_stop_on_request_keeps_nothing(project: Project, tmp_path: Path) -> None:
    class StopAtMapping(NullProgress):
        def __init__(self, token: CancelToken) -> None:
            self.token = token

        def start(self, description: str, total: int | None = None) -> None:
            if description == "mapping the rows":
                self.token.cancel()

    token = CancelToken()
    path = csv_file(tmp_path / "a.csv", rows=1_500)
    with pytest.raises(CancelledError):
        data.import_rows(project, f"csv:{path}", auto=True, progress=StopAtMapping(token), cancel=token)
    assert events(project)[-1] == "dataset_import_cancelled"
    assert not [*project.paths.raw.iterdir(), *project.paths.accepted.iterdir()]


def test_relative_locators_mean_the_same_file_from_everywhere(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    csv_file(tmp_path / "a.csv")
    monkeypatch.chdir(tmp_path)
    assert imported(project, "csv:a.csv", auto=True).record.locator == f"csv:{tmp_path / 'a.csv'}"


def test_a_locator_of_the_project_file_is_read_from_its_folder(project: Project) -> None:
    from narrowcast.core.config import SourceSpec
    from narrowcast.ops.imports import import_sources

    csv_file(project.paths.root / "rows.csv")
    source = SourceSpec(locator="csv:rows.csv", licence="CC BY 4.0")
    project.save_config(project.config.model_copy(update={"sources": [source]}))
    import_sources(project)
    assert [record.locator for record in data.imports(project)] == ["csv:rows.csv"]
    import_sources(project)
    assert len(data.imports(project)) == 1
    assert project.config.sources[0].mapper == "label_to_classification"
    assert project.config.sources[0].licence == data.imports(project)[0].licence == "CC BY 4.0"


def test_the_ledger_shows_a_file_changed_by_hand(project: Project, tmp_path: Path) -> None:
    record = imported(project, f"csv:{csv_file(tmp_path / 'a.csv')}", auto=True).record
    path = project.paths.accepted / f"{record.id}.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    ledger = data.ledger(project)
    assert not ledger.balanced
    assert ledger.stages[0].rows_out == 89


def test_a_full_disk_leaves_nothing_behind(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import os

    path = csv_file(tmp_path / "a.csv")
    real = os.fsync
    accepted = str(project.paths.accepted)  # written after the raw rows

    def full(descriptor: int) -> None:
        if str(Path(f"/proc/self/fd/{descriptor}").readlink()).startswith(accepted):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkspaceError, match="disk is full"):
        data.import_rows(project, f"csv:{path}", auto=True)
    monkeypatch.undo()
    assert not project.paths.imports.exists()
    for folder in (project.paths.raw, project.paths.accepted, project.paths.rejected):
        assert not list(folder.iterdir())


def test_catalogues() -> None:
    assert [each.scheme for each in data.sources()][:3] == ["jsonl", "csv", "file"]
    by_id = {each.id: each for each in data.mappers()}
    assert list(by_id["qa_pair_passthrough"].required) == ["question", "answer"]
    assert set(by_id["qa_pair_passthrough"].optional) == {"context", "group", "split", "rating"}


def test_memory_does_not_grow_with_the_file(project: Project, tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "a.jsonl"
    with path.open("w") as file:
        for number in range(10_000):
            row = {"text": f"row {number} " + "word " * 800, "label": f"kind {number % 7}"}
            file.write(json.dumps(row) + "\n")
    tracemalloc.start()
    imported(project, f"jsonl:{path}", auto=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 38 << 20
    assert peak < 12 << 20


def test_columns_guessed_for_a_named_mapper_need_confidence_too(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [f"some longer words to read number {n},{'nsew'[n % 4]},{'lh'[n % 2]}" for n in range(80)]
    path.write_text("body,area,price\n" + "\n".join(lines) + "\n")
    locator, mapper = f"csv:{path}", "label_to_classification"
    for options in (
        {"mapper": mapper},
        {"auto": True, "group": "price"},
        {"mapper": mapper, "group": "price"},
    ):
        with pytest.raises(data.MappingUncertainError, match=r"under 0\.80"):
            data.import_rows(project, locator, **options)
    outcome = imported(project, locator, mapper=mapper, field_map={"text": "body", "label": "area"})
    assert (outcome.record.confidence, outcome.record.forced) == (None, False)
    assert outcome.task.labels == ["e", "n", "s", "w"]


def test_every_reason_is_documented_and_used() -> None:
    from narrowcast.stages.import_.mapping.reasons import REJECTIONS

    root = Path(__file__).resolve().parents[3]
    page = (root / "docs" / "data.md").read_text()
    source = "".join(
        path.read_text() for path in (root / "src/narrowcast/stages/import_/mapping").glob("*.py")
    )
    for code in REJECTIONS:
        assert f"`{code}`" in page, code
        assert source.count(f'"{code}"') >= 2, f"{code} is never given"


def test_a_failed_record_leaves_the_configuration_unchanged(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from narrowcast.store import imports as store

    before = project.paths.config.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError("the disk went away")

    monkeypatch.setattr(store, "write_jsonl", refuse)
    with pytest.raises(WorkspaceError, match="went away"):
        data.import_rows(project, f"csv:{csv_file(tmp_path / 'a.csv')}", auto=True)
    assert project.paths.config.read_bytes() == before
    assert not list(project.paths.accepted.iterdir())
    assert events(project)[-1] == "system_io_error"


def test_the_head_of_a_sorted_file_is_judged_by_the_whole(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [f"some words to read number {n},{'ab'[n // 50]}" for n in range(100)]
    path.write_text("text,label\n" + "\n".join(lines) + "\n")
    outcome = imported(project, f"csv:{path}", auto=True, limit=60)
    assert (outcome.record.rows, outcome.plan.report.rows, outcome.task.labels) == (60, 100, ["a", "b"])
    assert data.introspect(f"csv:{path}", limit=10).report.rows == 10
