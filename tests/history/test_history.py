"""Versions, differences, lineage, contradictions and deletion on a project that was really prepared."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.core.names import Split
from narrowcast.core.run import FinishedRun
from narrowcast.errors import DataError, UsageError
from narrowcast.history.versions import versions
from narrowcast.ops.prepare import prepare
from narrowcast.ops.requests import PrepareRequest
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.store.files import write_json
from narrowcast.store.runs import index_run
from narrowcast.store.vectors import VectorCache, text_keys
from tests.support import imports as data
from tests.support.history import conflicts, diff, forget, lineage

WORDS = """
invoice refund parcel address password colour delivery voucher account garden kettle window bicycle holiday
station teacher morning picture kitchen journey umbrella battery museum ticket
"""


def rows(start: int, count: int) -> list[dict[str, Any]]:
    """Texts that share no phrase, so that nothing is a near-duplicate."""
    import random

    found = []
    for number in range(start, start + count):
        words = random.Random(number).sample(WORDS.split(), 9)
        found.append(
            {"text": f"{' '.join(words)} {number}", "label": "ab"[number % 2], "customer": f"c{number}"}
        )
    return found


def write(path: Path, lines: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return f"jsonl:{path}"


def bring(project: Project, path: Path, lines: list[dict[str, Any]], **options: Any) -> str:
    outcome = data.import_rows(
        project, write(path, lines), mapper="label_to_classification",
        field_map={"text": "text", "label": "label"}, **options,
    )  # fmt: skip
    assert isinstance(outcome, data.ImportOutcome)
    return outcome.record.id


@pytest.fixture
def first(project: Project, tmp_path: Path) -> str:
    """An import of 60 rows, prepared."""
    name = bring(project, tmp_path / "a.jsonl", rows(0, 60), licence="CC BY 4.0", consent="contract")
    prepare(project)
    return name


def trained(project: Project, run: str) -> None:
    """A line of the run index, as training writes it."""
    version = load_manifest(project.paths).version
    index_run(
        project.paths,
        FinishedRun(
            run_id=run, base="embedded", method="full", dataset_version=version, rows=40, steps=10,
            final_train_loss=1.5, dev_loss=None, seconds=2.0, tokens_per_second=100.0, weights_sha256="0",
            finished="2026-01-01T00:00:00+00:00",
        ),
    )  # fmt: skip


def row_in(project: Project, split: Split) -> str:
    return read_split(project.paths, load_manifest(project.paths), split)[0].id


def test_versions_name_their_parent_their_sources_and_their_models(
    project: Project, first: str, tmp_path: Path
) -> None:
    trained(project, "exp-1")
    bring(project, tmp_path / "b.jsonl", rows(60, 20))
    prepare(project)
    old, new = versions(project)
    assert (old.current, new.current, new.parent_version) == (False, True, old.version)
    assert (old.models, new.models) == (["exp-1"], [])
    assert (sum(old.rows.values()), sum(new.rows.values())) == (60, 80)
    assert [(each.import_id, each.licence, each.consent) for each in old.sources] == [
        (first, "CC BY 4.0", "contract")
    ]
    assert new.sources[1].licence is None


@pytest.mark.nightly
def test_a_diff_accounts_for_every_row(project: Project, first: str, tmp_path: Path) -> None:
    before = load_manifest(project.paths).version
    data.remove_import(project, first)
    changed = rows(0, 50) + rows(60, 15)
    changed[3]["label"] = "b" if changed[3]["label"] == "a" else "a"
    bring(project, tmp_path / "c.jsonl", changed)
    prepare(project, PrepareRequest(options={"seed": 5}))
    found = diff(project, before[:8], "current")
    assert (found.rows_a, found.rows_b) == (60, 65)
    assert (found.added, found.removed, found.relabelled) == (15, 10, 1)
    assert found.moved > 0
    assert found.rows_a == found.unchanged + found.moved + found.relabelled + found.removed
    assert found.rows_b == found.unchanged + found.moved + found.relabelled + found.added
    [relabelled] = [row for row in found.rows if row.change == "relabelled"]
    assert {relabelled.target_before, relabelled.target_after} == {"a", "b"}
    assert relabelled.inputs["text"] == changed[3]["text"]
    assert sum(each["before"] for each in found.splits.values()) == 60
    same = diff(project, "current", "current")
    assert (same.unchanged, same.rows, same.labels) == (65, [], {})
    with pytest.raises(DataError, match="no such data-set version"):
        diff(project, "ffffffff", "current")


@pytest.mark.nightly
def test_lineage_leads_from_the_source_to_the_models(project: Project, first: str) -> None:
    trained(project, "exp-1")
    version = load_manifest(project.paths).version
    in_train, in_test = row_in(project, Split.TRAIN), row_in(project, Split.TEST)
    found = lineage(project, in_train)
    assert (found.import_id, found.mapper, found.licence) == (first, "label_to_classification", "CC BY 4.0")
    assert found.raw is not None
    assert found.example is not None
    assert found.raw["text"] == found.example["inputs"]["text"]
    assert [(each.version, each.split, each.models) for each in found.versions] == [
        (version, Split.TRAIN, ["exp-1"])
    ]
    assert [(each.split, each.models) for each in lineage(project, in_test).versions] == [(Split.TEST, [])]
    assert lineage(project, found.example["inputs"]["text"]).id == in_train
    with pytest.raises(DataError, match="no such row"):
        lineage(project, f"{first}:6000")


@pytest.mark.nightly
def test_lineage_of_a_rejected_row_tells_why(project: Project, tmp_path: Path) -> None:
    lines = [*rows(0, 20), {"text": " ", "label": "a"}]
    name = bring(project, tmp_path / "a.jsonl", lines)
    found = lineage(project, f"{name}:20")
    assert (found.example, found.rejected) == (None, {"stage": "map", "reason": "missing_text", "detail": ""})


@pytest.mark.nightly
def test_contradictions_and_repetitions_are_named(project: Project, tmp_path: Path) -> None:
    lines = rows(0, 20)
    lines += [{**lines[0], "label": "other"}, {**lines[1]}, {**lines[1], "text": lines[1]["text"].upper()}]
    name = bring(project, tmp_path / "a.jsonl", lines)
    found = conflicts(project)
    assert (found.rows, found.contradictory, found.repeated) == (23, 2, 2)
    assert [[row.id for row in group.rows] for group in found.conflicts] == [[f"{name}:0", f"{name}:20"]]
    assert [[row.id for row in group.rows] for group in found.repetitions] == [
        [f"{name}:1", f"{name}:21", f"{name}:22"]
    ]


def files_with(project: Project, text: str) -> list[str]:
    return sorted(
        project.paths.relative(path)
        for path in project.paths.root.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    )


@pytest.mark.nightly
def test_forgotten_rows_leave_every_copy_and_the_ledger_balanced(project: Project, first: str) -> None:
    trained(project, "exp-1")
    ids = [row_in(project, split) for split in (Split.TRAIN, Split.TEST)]
    texts = [lineage(project, each).raw["text"] for each in ids]  # type: ignore[index]
    cache = VectorCache(project.settings.home, "0" * 64, 2)
    cache.add(text_keys(texts), np.ones((2, 2), np.float32))
    assert files_with(project, texts[0])
    seen = forget(project, ids=ids)
    assert seen.dry_run
    assert files_with(project, texts[0])
    assert cache.get(text_keys(texts))[1].all()
    done = forget(project, ids=ids, delete=True)
    assert not cache.get(text_keys(texts))[1].any()
    assert not (project.settings.home / "vectors").exists()
    assert (done.rows, done.models, done.remains) == (2, ["exp-1"], {})
    assert done.files == seen.files
    assert [files_with(project, text) for text in texts] == [[], []]
    ledger = data.ledger(project)
    assert ledger.balanced
    assert [stage.rows_out for stage in ledger.stages] == [58, 58]
    [version] = versions(project)
    assert version.forgotten == 2
    assert sum(len(read_split(project.paths, load_manifest(project.paths), s)) for s in version.rows) == 58  # type: ignore[arg-type]
    event = project.trail.events()[-1]
    assert event.reason_code == "dataset_rows_forgotten"
    stored = json.dumps(event.model_dump(mode="json"))
    assert not any(text in stored for text in texts)
    assert not any(row_id in stored for row_id in ids)
    prepare(project)
    assert data.ledger(project).balanced
    assert data.imports(project)[0].rows == 58


@pytest.mark.nightly
def test_rows_are_chosen_by_columns_that_no_mapper_kept(project: Project, first: str) -> None:
    found = forget(project, where={"customer": "c7"})
    assert found.ids == [f"{first}:7"]
    assert forget(project, where={"label": "a"}, text="KETTLE").rows < 30
    with pytest.raises(DataError, match="no row matches"):
        forget(project, where={"customer": "c7", "label": "nobody"})
    with pytest.raises(UsageError, match="no rows were named"):
        forget(project)


@pytest.mark.nightly
def test_models_that_never_saw_a_row_are_not_named(project: Project, first: str) -> None:
    trained(project, "exp-1")
    assert first
    found = forget(project, ids=[row_in(project, Split.TEST)])
    assert (found.models, found.versions[0].models) == ([], ["exp-1"])


@pytest.mark.nightly
def test_what_is_not_rewritten_is_said(project: Project, first: str) -> None:
    text = str(lineage(project, f"{first}:3").raw["text"])  # type: ignore[index]
    report = project.paths.reports / "x" / "report.md"
    report.parent.mkdir(parents=True)
    report.write_text(f"# failures\n{text}\n")
    assert forget(project, ids=[f"{first}:3"]).remains == {"outputs/eval_reports/x/report.md": 1}


def journal_written(project: Project, before: float) -> bool:
    return (project.paths.registry / "forget.pending.json").exists()


def rows_stripped(project: Project, before: float) -> bool:
    return any(each.stat().st_mtime > before for each in project.paths.accepted.glob("imp-*.jsonl"))


def records_written(project: Project, before: float) -> bool:
    return project.paths.imports.stat().st_mtime > before


@pytest.mark.nightly
def test_a_killed_deletion_is_finished_by_the_next(project: Project, tmp_path: Path) -> None:
    name = bring(project, tmp_path / "a.jsonl", rows(0, 4_000))
    prepare(project)
    unfinished = 0
    for number, moment in enumerate((journal_written, rows_stripped, records_written)):
        row_id, other = f"{name}:{10 * number}", f"{name}:{10 * number + 1}"
        text = str(lineage(project, row_id).raw["text"])  # type: ignore[index]
        before = time.time()
        command = [sys.executable, "-m", "narrowcast.cli.main", "data", "forget", "--yes", "--id", row_id]
        process = subprocess.Popen([*command, "-p", project.slug], stdout=subprocess.DEVNULL)
        while not moment(project, before) and process.poll() is None:
            assert time.time() < before + 120
        process.send_signal(signal.SIGKILL)
        process.wait()
        pending = journal_written(project, before)
        unfinished += pending
        done = forget(project, ids=[other], delete=True)
        assert (done.ids, done.interrupted) == ([other], int(pending))
        assert files_with(project, text) == []
        assert data.ledger(project).balanced
    assert unfinished, "each deletion was through before it was killed, so the test proves nothing"
    prepare(project)


def test_a_deletion_that_an_older_version_began_is_finished(project: Project, first: str) -> None:
    text = str(lineage(project, f"{first}:3").raw["text"])  # type: ignore[index]
    write_json(project.paths.registry / "forget.pending.json", {"ids": [f"{first}:3"]})
    assert forget(project, ids=[f"{first}:4"]).rows == 2  # counted, and nothing done yet
    done = forget(project, ids=[f"{first}:4"], delete=True)
    assert (done.ids, done.interrupted) == ([f"{first}:4"], 1)
    assert files_with(project, text) == []
    told = [each.payload["rows"] for each in project.trail.events() if "forgotten" in each.reason_code]
    assert told == [1, 1]


@pytest.mark.nightly
def test_the_commands(project: Project, first: str, cli_json: Any) -> None:
    assert [each["current"] for each in cli_json("data", "versions")] == [True]
    assert cli_json("data", "diff", "current", "current")["unchanged"] == 60
    assert cli_json("data", "lineage", f"{first}:1")["locator"].startswith("jsonl:")
    assert cli_json("data", "conflicts")["contradictory"] == 0
    seen = cli_json("data", "forget", "--where", "customer=c1")
    assert (seen["dry_run"], seen["ids"]) == (True, [f"{first}:1"])
    assert cli_json("data", "forget", "--id", f"{first}:1", "--yes")["dry_run"] is False
    error = cli_json("data", "lineage", f"{first}:1", code=1)["error"]
    assert error["reason_code"] == "dataset_row_unknown"
    assert project.trail.verify().intact


@pytest.mark.nightly
def test_a_forgotten_record_is_not_taken_in_again(project: Project, first: str, tmp_path: Path) -> None:
    text = str(lineage(project, f"{first}:3").raw["text"])  # type: ignore[index]
    forget(project, ids=[f"{first}:3"], delete=True)
    data.remove_import(project, first)
    source = f"jsonl:{tmp_path / 'a.jsonl'}"
    fields = {"text": "text", "label": "label"}
    seen = data.import_rows(project, source, mapper="label_to_classification", field_map=fields, dry_run=True)
    assert isinstance(seen, data.ImportPreview)
    assert (seen.rows, seen.accepted, seen.rejected) == (60, 59, {"forgotten": 1})
    again = data.import_rows(project, source, mapper="label_to_classification", field_map=fields)
    assert isinstance(again, data.ImportOutcome)
    assert (again.record.rows, again.record.rejected) == (60, {"forgotten": 1})
    assert files_with(project, text) == []
    assert data.ledger(project).balanced


@pytest.mark.nightly
def test_three_hundred_planted_contradictions_are_all_named(project: Project, tmp_path: Path) -> None:
    lines = rows(0, 1_000)
    planted = [{**lines[n], "label": "other"} for n in range(0, 900, 3)]
    name = bring(project, tmp_path / "a.jsonl", lines + planted)
    found = conflicts(project)
    named = {tuple(row.id for row in group.rows) for group in found.conflicts}
    assert named == {(f"{name}:{3 * n}", f"{name}:{1_000 + n}") for n in range(300)}
    assert (found.contradictory, found.repeated) == (600, 0)
