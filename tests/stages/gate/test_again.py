"""The gates asked again: nothing to do where nothing changed, otherwise a new import takes the place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from narrowcast.core.manifest import ImportRecord
from narrowcast.errors import DataError
from narrowcast.ops.ledger import ledger
from narrowcast.ops.prepare import prepare
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from narrowcast.store.import_rows import accepted_rows
from narrowcast.store.imports import generated_imports
from tests.stages.gate.rows import LABELS, row, sentence
from tests.support.cli import Cli
from tests.support.events import last_run
from tests.support.factory import declare_labels, gate, gate_again, write_rows
from tests.support.history import choice, decide, forget
from tests.support.kills import count_steps, killed_at

BILLING = {"optional": ["regex"], "pattern": "billing"}
"""Half of the rows pass."""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Twenty-four rows that pass."""
    return write_rows(tmp_path / "some.jsonl", map(row, range(24)))


def only_import(project: Project, generation: str) -> ImportRecord:
    """The import of the generation; the files below `data` are those of the imports and no others."""
    records = project_imports(project)
    for folder in (project.paths.raw, project.paths.accepted, project.paths.rejected):
        assert {path.stem for path in folder.glob("imp-*.jsonl")} <= set(records)
        assert not list(folder.glob(".*"))
    assert ledger(project).balanced
    [record] = generated_imports(project.paths, generation)
    return record


def project_imports(project: Project) -> Sequence[str]:
    return [line["id"] for line in read_jsonl(project.paths.imports)]


def test_a_second_run_is_up_to_date_and_force_replaces_the_import(
    labelled: Project, rows: Path, cli: Cli
) -> None:
    arguments = ("data", "gate", "--rows", rows, "-p", labelled.paths.root)
    cli(*arguments, code=0)
    events = len(labelled.trail.events())
    before = (labelled.paths.imports.read_bytes(), project_imports(labelled)[-1])
    again = cli(*arguments, code=0)
    assert "data gate: up to date" in again.stderr
    assert len(labelled.trail.events()) == events
    forced = cli(*arguments, "--force", code=0)
    assert "24 pass" in forced.stdout, "they are no duplicates of their own import"
    assert (labelled.paths.imports.read_bytes(), project_imports(labelled)[-1]) == before
    assert last_run(labelled)[-1].reason_code == "factory_gate_run"


def test_other_demands_make_another_import_in_its_place(labelled: Project, rows: Path) -> None:
    first = gate(labelled, rows=rows)
    assert first.record
    second = gate(labelled, rows=rows, **BILLING)
    assert second.record
    assert second.replaced == [first.record.id]
    assert last_run(labelled)[-1].payload["replaced"] == [first.record.id]
    kept = only_import(labelled, first.generation)
    assert (kept.id, kept.accepted, kept.rejected) == (second.record.id, 12, {"gate_regex": 12})


def test_where_nothing_passes_any_more_the_former_import_stays(labelled: Project, rows: Path) -> None:
    first = gate(labelled, rows=rows)
    with pytest.raises(DataError, match="none of 24 rows"):
        gate(labelled, rows=rows, min_words=99)
    assert only_import(labelled, first.generation) == first.record
    assert len(list(accepted_rows(labelled.paths, [first.record]))) == 24


def test_rows_that_became_held_out_are_not_compared_with_themselves(project: Project, rows: Path) -> None:
    declare_labels(project, LABELS)
    first = gate(project, rows=rows)
    assert first.into == "free"
    prepare(project)
    assert list(read_jsonl(project.paths.evaluation / "test.jsonl"))
    events = len(project.trail.events())
    assert gate(project, rows=rows) == first
    assert len(project.trail.events()) == events
    assert gate_again(project, rows=rows).record == first.record


def test_rescued_rows_are_not_compared_with_their_generation(labelled: Project, rows: Path) -> None:
    chosen = {"rows": rows, "optional": ["human_review"], "review_share": 0.5}
    first = gate(labelled, **chosen)
    assert first.record
    held_back = [line["index"] for line in read_jsonl(labelled.paths.rejected / f"{first.record.id}.jsonl")]
    decide(labelled, [choice(f"{first.record.id}:{held_back[0]}", "accept")], "ann")
    events = len(labelled.trail.events())
    assert gate(labelled, **chosen) == first
    assert len(labelled.trail.events()) == events
    assert gate_again(labelled, **chosen).record == first.record


def test_rows_that_were_deleted_on_request_do_not_come_back(labelled: Project, rows: Path) -> None:
    first = gate(labelled, rows=rows)
    text = sentence(3)
    assert forget(labelled, text=text, delete=True).rows == 1
    again = gate_again(labelled, rows=rows)
    assert again.ledger.rejected == {"forgotten": 1}
    kept = only_import(labelled, first.generation)
    assert (kept.rows, kept.accepted, kept.rejected) == (24, 23, {"forgotten": 1})
    for folder in (labelled.paths.raw, labelled.paths.accepted, labelled.paths.rejected):
        assert all(text not in path.read_text() for path in folder.glob("imp-*.jsonl"))


def test_a_kill_while_an_import_is_replaced_leaves_one_of_the_two(labelled: Project, rows: Path) -> None:
    first = gate(labelled, rows=rows)
    labelled.close()

    def replace() -> None:
        project = Project.open(labelled.settings, str(labelled.paths.root))
        options = BILLING if generated_imports(project.paths, first.generation) == [first.record] else {}
        gate_again(project, rows=rows, **options)
        project.close()

    steps = count_steps(labelled.paths.root, replace)  # it replaces the first import, the next one the second
    assert steps
    for step in range(1, steps + 1):
        killed_at(step, labelled.paths.root, replace)
        project = Project.open(labelled.settings, str(labelled.paths.root))
        [record] = generated_imports(project.paths, first.generation)
        assert len(list(accepted_rows(project.paths))) == 60 + record.accepted, step
        assert {line["reason"] for line in read_jsonl(project.paths.rejected / f"{record.id}.jsonl")} == set(
            record.rejected
        )
        project.close()
