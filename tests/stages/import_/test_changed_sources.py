"""Sources in the plan by their content: what changed is imported again in its place, what did not is kept."""

from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.config import SourceSpec
from narrowcast.errors import DataError
from narrowcast.ops.imports import import_sources
from narrowcast.ops.plan import plan
from narrowcast.ops.requests import RunRequest
from narrowcast.pipeline.project import Project
from narrowcast.stages.import_ import STAGE
from narrowcast.store.files import write_jsonl
from narrowcast.store.stage_records import records, remove_record
from tests.support import imports as data

MAPPING: dict[str, Any] = {
    "mapper": "label_to_classification",
    "field_map": {"text": "text", "label": "label"},
}


def csv_file(path: Path, rows: int = 60) -> Path:
    lines = [f"the words of message {n},{'abc'[n % 3]},{'xy'[n % 2]}" for n in range(rows)]
    path.write_text("\n".join(["text,label,kind", *lines]) + "\n")
    return path


def imported(project: Project, locator: str, **options: Any) -> data.ImportOutcome:
    outcome = data.import_rows(project, locator, **options)
    assert isinstance(outcome, data.ImportOutcome)
    return outcome


def first_step(project: Project) -> tuple[str, bool, str]:
    step = plan(project, RunRequest(until="prepare"))[0]
    return step.stage, step.runs, step.reason


def edit_source(project: Project, **changes: Any) -> None:
    config = project.config
    source = config.sources[0].model_copy(update=changes)
    project.save_config(config.model_copy(update={"sources": [source]}))


def test_a_changed_file_is_in_the_plan_and_replaces_its_import(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    first = imported(project, f"csv:{path}", auto=True)
    assert first_step(project) == (f"import csv:{path}", False, "up to date")
    csv_file(path, rows=40)
    assert first_step(project) == (f"import csv:{path}", True, "its inputs changed")
    assert plan(project, RunRequest(until="prepare"))[1].reason == f"import csv:{path} runs first"
    [result] = import_sources(project)
    [record] = data.imports(project)
    assert (record.rows, result.replaced) == (40, [first.record.id])
    assert len(project.config.sources) == 1
    for folder in (project.paths.raw, project.paths.accepted, project.paths.rejected):
        assert [each.name for each in folder.glob("*")] == [f"{record.id}.jsonl"]
    event = project.trail.events()[-1]
    assert (event.reason_code, event.payload["replaced"]) == ("dataset_import_run", [first.record.id])
    assert first.record.id in event.message
    assert first_step(project) == (f"import csv:{path}", False, "up to date")


def test_an_edited_mapping_is_in_the_plan_and_used(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    imported(project, f"csv:{path}", **MAPPING)
    edit_source(project, map={"text": "text", "label": "kind"})
    assert first_step(project) == (f"import csv:{path}", True, "its inputs changed")
    import_sources(project)
    [record] = data.imports(project)
    assert record.field_map == {"text": "text", "label": "kind"}
    assert project.config.task is not None
    assert project.config.task.labels == ["x", "y"]


def test_a_proposed_mapping_and_the_same_one_written_out_are_one(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    path.write_text(path.read_text().replace(",x", "").replace(",y", "").replace(",kind", ""))
    proposed = imported(project, f"csv:{path}", auto=True)
    written = imported(project, f"csv:{path}", **MAPPING)
    assert (written.change, written.record) == ("unchanged", proposed.record)
    assert import_sources(project)[0].import_id == proposed.record.id
    assert [event.reason_code for event in project.trail.events()].count("stage_started") == 1


def test_one_source_in_two_splits_has_two_imports(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    imported(project, f"csv:{path}", **MAPPING)
    with pytest.raises(DataError, match="imported already"):
        imported(project, f"csv:{path}", into="test", **MAPPING)
    imported(project, f"csv:{path}", into="test", limit=10, **MAPPING)
    assert [each.into for each in data.imports(project)] == [None, "test"]
    assert [step.runs for step in plan(project, RunRequest(until="prepare"))[:2]] == [False, False]


def test_a_source_taken_out_of_the_file_is_removed(project: Project, tmp_path: Path) -> None:
    one, two = csv_file(tmp_path / "a.csv"), csv_file(tmp_path / "b.csv", rows=30)
    gone = imported(project, f"csv:{one}", **MAPPING).record
    kept = imported(project, f"csv:{two}", **MAPPING).record
    config = project.config
    project.save_config(config.model_copy(update={"sources": config.sources[1:]}))
    assert first_step(project) == (f"remove {gone.id}", True, f"csv:{one} left narrowcast.yaml")
    import_sources(project)
    assert data.imports(project) == [kept]
    assert "dataset_import_removed" in [event.reason_code for event in project.trail.events()]


def test_a_source_that_cannot_be_read_keeps_its_rows(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    record = imported(project, f"csv:{path}", **MAPPING).record
    path.unlink()
    assert first_step(project) == (f"import csv:{path}", False, "up to date")
    import_sources(project)
    assert data.imports(project) == [record]
    with pytest.raises(DataError, match="does not exist"):
        data.import_rows(project, f"csv:{path}", **MAPPING)


def test_an_import_of_an_older_version_is_adopted(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    record = imported(project, f"csv:{path}", **MAPPING).record
    for each in list(records(project.paths, STAGE.name)):
        remove_record(project.paths, STAGE.name, each.subject)
    assert first_step(project) == (f"import csv:{path}", True, "never run")
    [result] = import_sources(project)
    assert (result.unchanged, data.imports(project)) == (True, [record])
    assert first_step(project) == (f"import csv:{path}", False, "up to date")


def test_two_imports_of_one_source_become_one(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    record = imported(project, f"csv:{path}", **MAPPING).record
    twin = record.model_copy(update={"id": "imp-00000000", "raw_sha256": "0" * 64})
    for folder in (project.paths.raw, project.paths.accepted, project.paths.rejected):
        (folder / f"{twin.id}.jsonl").write_bytes((folder / f"{record.id}.jsonl").read_bytes())
    write_jsonl(project.paths.imports, (each.model_dump(mode="json") for each in (twin, record)))
    csv_file(path, rows=45)
    [result] = import_sources(project)
    assert result.replaced == [twin.id, record.id]
    assert [each.rows for each in data.imports(project)] == [45]


def test_a_damaged_import_is_written_again(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    record = imported(project, f"csv:{path}", **MAPPING).record
    accepted = project.paths.accepted / f"{record.id}.jsonl"
    whole = accepted.read_bytes()
    accepted.write_bytes(whole[:-10])
    imported(project, f"csv:{path}", force=True)
    assert (accepted.read_bytes(), data.imports(project)) == (whole, [record])
    accepted.unlink()
    assert first_step(project) == (f"import csv:{path}", True, f"data/accepted/{record.id}.jsonl is gone")
    import_sources(project)
    assert accepted.read_bytes() == whole


def test_declared_labels_that_changed_let_rows_in(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    imported(project, f"csv:{path}", **MAPPING)
    assert project.config.task is not None
    declared = project.config.task.model_copy(update={"labels": ["a", "b"], "proposed_by": "user"})
    project.save_config(project.config.model_copy(update={"task": declared}))
    import_sources(project)
    assert data.imports(project)[0].rejected == {"label_not_allowed": 20}
    wider = declared.model_copy(update={"labels": ["a", "b", "c"]})
    project.save_config(project.config.model_copy(update={"task": wider}))
    import_sources(project)
    assert data.imports(project)[0].rejected == {}


def test_no_secret_reaches_a_record(project: Project, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    with pytest.raises(DataError):
        data.import_rows(project, "https://user:hunter2@127.0.0.1:1/rows.csv", auto=True)
    imported(project, f"csv:{path}", **MAPPING)
    for file in project.paths.registry.rglob("*"):
        assert not file.is_file() or "hunter2" not in file.read_text(errors="replace")
    assert all("hunter2" not in event.model_dump_json() for event in project.trail.events())


def test_the_order_of_sources_in_the_file_is_kept(project: Project, tmp_path: Path) -> None:
    for name in ("b", "a"):
        csv_file(tmp_path / f"{name}.csv", rows=30 if name == "a" else 40)
        imported(project, f"csv:{tmp_path / name}.csv", **MAPPING)
    csv_file(tmp_path / "b.csv", rows=50)
    import_sources(project)
    assert [each.locator for each in project.config.sources] == [
        f"csv:{tmp_path / name}.csv" for name in ("b", "a")
    ]
    assert [each.rows for each in data.imports(project)] == [50, 30]
    assert isinstance(project.config.sources[0], SourceSpec)
