from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from narrowcast.core.example import Example
from narrowcast.core.names import Split
from narrowcast.core.settings import Settings
from narrowcast.errors import DataError, UsageError
from narrowcast.ops.prepare import current_dataset, prepare
from narrowcast.ops.requests import PrepareRequest
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.store.files import read_jsonl, sha256_file
from tests.words import WORDS

from .conftest import Commit, commit_rows


def text(number: int) -> str:
    return " ".join(random.Random(number).sample(WORDS, 10))


def example(number: int, **fields: object) -> Example:
    values = {"source": "first", "index": number, "target": "xy"[number % 2], **fields}
    return Example(inputs={"text": values.pop("text", text(number))}, **values)  # type: ignore[arg-type]


def everything(project: Project) -> dict[Split, list[Example]]:
    manifest = current_dataset(project)
    return {split: read_split(project.paths, manifest, split) for split in manifest.splits}


def test_every_row_is_in_one_split_and_the_labels_are_spread(project: Project, commit: Commit) -> None:
    commit([example(number, target="xxxy"[number % 4]) for number in range(1_200)])
    result = prepare(project)
    splits = everything(project)
    assert {split: len(rows) for split, rows in splits.items()} == {
        Split.TRAIN: 960,
        Split.DEV: 120,
        Split.TEST: 120,
    }
    assert sorted(row.index for rows in splits.values() for row in rows) == list(range(1_200))
    for rows in splits.values():
        assert Counter(row.target for row in rows)["y"] == pytest.approx(len(rows) / 4, abs=1)
    assert result.ledger is not None
    assert result.ledger.balanced
    assert result.leakage.exact_inputs_shared == result.leakage.near_duplicates_shared == 0


@pytest.mark.parametrize(
    ("fields", "says", "command"),
    [
        ({"text": "where is my card"}, "the same input", "narrowcast data import --locator SCHEME:PATH"),
        ({"group": "one"}, "the same group key", "narrowcast prepare --groups free"),
    ],
)
def test_rows_that_nothing_divides_name_the_cause(
    project: Project, commit: Commit, fields: dict[str, str], says: str, command: str
) -> None:
    commit([example(number, **fields) for number in range(60)])
    with pytest.raises(DataError, match=f"all rows have {says}") as caught:
        prepare(project)
    assert caught.value.next_command == command


def test_small_sets_hold_more_out(project: Project, commit: Commit) -> None:
    commit([example(number) for number in range(200)])
    assert {each.split: each.rows for each in prepare(project).splits} == {
        Split.TRAIN: 140,
        Split.DEV: 30,
        Split.TEST: 30,
    }


def test_planted_near_duplicates_stay_with_their_originals(project: Project, commit: Commit) -> None:
    rows = [example(number) for number in range(1_000)]
    rows += [example(1_000 + n, text=f"{text(n).upper()} please!", target=rows[n].target) for n in range(50)]
    commit(rows)
    result = prepare(project)
    where = {row.index: split for split, held in everything(project).items() for row in held}
    assert all(where[n] == where[1_000 + n] for n in range(50))
    assert len({where[n] for n in range(50)}) > 1
    assert result.leakage.near_duplicates_shared == 0


def test_without_keeping_them_together_the_report_counts_them(project: Project, commit: Commit) -> None:
    rows = [example(number) for number in range(300)]
    rows += [example(300 + n, text=f"{text(n)} please", target=rows[n].target) for n in range(100)]
    commit(rows)
    result = prepare(project, PrepareRequest(options={"near_duplicates": "free"}))
    assert result.leakage.near_duplicates_shared > 10
    assert any("near-duplicate" in warning for warning in result.warnings)


def test_groups_stay_whole(project: Project, commit: Commit) -> None:
    commit([example(number, group=f"customer-{number % 60}") for number in range(600)])
    prepare(project)
    found: dict[str | None, set[Split]] = {}
    for split, rows in everything(project).items():
        for row in rows:
            found.setdefault(row.group, set()).add(split)
    assert len(found) == 60
    assert all(len(splits) == 1 for splits in found.values())


def test_row_order_changes_nothing(settings: Settings) -> None:
    rows = [example(number, group=f"g{number % 90}") for number in range(300)]
    versions, files = [], []
    for name, order in (("straight", rows), ("reversed", rows[::-1])):
        project = Project.create(settings, name)
        commit_rows(project, order, name="first", labels=("x", "y"))
        versions.append(prepare(project).version)
        manifest = current_dataset(project)
        files.append(
            {split: sha256_file(project.paths.root / f.path) for split, f in manifest.splits.items()}
        )
        project.close()
    assert versions[0] == versions[1]
    assert files[0] == files[1]


def test_preparing_again_writes_the_same_bytes(project: Project, commit: Commit) -> None:
    commit([example(number) for number in range(100)])
    first = prepare(project)
    before = {path: path.read_bytes() for path in project.paths.prepared.rglob("*") if path.is_file()}
    again = prepare(project, PrepareRequest(force=True))
    assert again == first
    assert {p: p.read_bytes() for p in project.paths.prepared.rglob("*") if p.is_file()} == before
    assert len(list(read_jsonl(project.paths.datasets))) == 1
    other = prepare(project, PrepareRequest(options={"seed": 1}))
    assert other.version != first.version
    assert current_dataset(project).parent_version == first.version


def test_a_fixed_test_set_wins_and_pushes_lookalikes_out_of_train(project: Project, commit: Commit) -> None:
    commit([example(number) for number in range(200)])
    official = [
        example(n, text=f"{text(n)} thanks", source="official", split=Split.TEST, target="xy"[n % 2])
        for n in range(190, 240)
    ]
    commit(official, name="official")
    result = prepare(project, PrepareRequest(options={"copies": "free"}))
    splits = everything(project)
    assert {row.id for row in splits[Split.TEST]} == {row.id for row in official}
    assert result.ledger is not None
    assert result.ledger.rejected == {"leaks_into_test": 10}
    assert result.ledger.balanced
    assert result.ledger.rows_in == 250
    stored = list(read_jsonl(project.paths.rejected / "prepare.jsonl"))
    assert {row["index"] for row in stored} == set(range(190, 200))
    assert {row["reason"] for row in stored} == {"leaks_into_test"}


def test_golden_rows_are_kept_apart(project: Project, commit: Commit) -> None:
    commit([example(number) for number in range(1_000)])
    prepare(project, PrepareRequest(options={"golden": 0.05}))
    splits = everything(project)
    assert len(splits[Split.GOLDEN]) == 50
    assert (project.paths.evaluation / "golden.jsonl").exists()
    prepare(project)
    assert not (project.paths.evaluation / "golden.jsonl").exists()


def test_rows_the_task_cannot_use_are_rejected_with_the_reason(project: Project, commit: Commit) -> None:
    rows = [example(number) for number in range(50)]
    rows += [example(50, target="unheard"), example(51, text="  ")]
    commit(rows)
    result = prepare(project)
    assert result.ledger is not None
    assert result.ledger.rejected == {"task_contract:empty_input": 1, "task_contract:unknown_label": 1}
    assert result.ledger.rows_out == 50


def test_conflicting_targets_are_said_or_rejected(project: Project, commit: Commit) -> None:
    rows = [example(number) for number in range(40)]
    rows.append(example(40, text=text(0).title(), target="y"))
    commit(rows)
    assert any("2 rows" in warning for warning in prepare(project).warnings)
    result = prepare(project, PrepareRequest(options={"on_conflict": "reject"}))
    assert result.ledger is not None
    assert result.ledger.rejected == {"conflicting_target": 2}


def test_a_label_that_train_lacks_is_warned_about(project: Project, commit: Commit) -> None:
    rows = [example(number) for number in range(60)]
    commit(rows, labels=("x", "y", "rare"))
    commit(
        [example(99, text="quite another thing here", source="gold", split=Split.TEST, target="rare")],
        name="gold",
        labels=("x", "y", "rare"),
    )
    assert any("never occur in train: rare" in warning for warning in prepare(project).warnings)


def test_too_few_rows_are_refused(project: Project, commit: Commit) -> None:
    commit([example(0)])
    with pytest.raises(DataError, match="1 usable row"):
        prepare(project)
    assert project.trail.events()[-1].reason_code == "prepare_failed"


def test_rows_that_are_all_the_same_are_refused(project: Project, commit: Commit) -> None:
    commit([example(number, text="always this") for number in range(30)])
    with pytest.raises(DataError, match="all rows have the same input"):
        prepare(project)
    assert not (project.paths.prepared / "current").exists()


def test_nothing_imported_and_impossible_shares(project: Project, commit: Commit) -> None:
    with pytest.raises(DataError, match="nothing was imported"):
        prepare(project)
    commit([example(number) for number in range(30)])
    with pytest.raises(UsageError, match="less than a tenth"):
        prepare(project, PrepareRequest(options={"dev": 0.5, "test": 0.45}))


def test_changed_files_are_noticed(project: Project, commit: Commit) -> None:
    commit([example(number) for number in range(30)])
    prepare(project)
    manifest = current_dataset(project)
    path = project.paths.root / manifest.splits[Split.TEST].path
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DataError, match="changed after it was prepared"):
        read_split(project.paths, manifest, Split.TEST)
    prepare(project, PrepareRequest(force=True))
    assert read_split(project.paths, current_dataset(project), Split.TEST)
    accepted = project.paths.accepted / "first.jsonl"
    accepted.write_bytes(accepted.read_bytes().replace(b"parcel", b"parcex", 1))
    with pytest.raises(DataError, match="gone or were changed"):
        prepare(project, PrepareRequest(options={"seed": 3}))


def test_a_failure_leaves_the_former_version_current(
    project: Project, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit([example(number) for number in range(60)])
    first = prepare(project)

    def full_disk(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full_disk)
        with pytest.raises(Exception, match="disk is full"):
            prepare(project, PrepareRequest(options={"seed": 9}))
    assert current_dataset(project).version == first.version
    assert [path.name for path in project.paths.prepared.iterdir() if path.is_dir()] == [first.version[:12]]


def test_a_document_shared_by_all_rows_does_not_connect_them(project: Project, commit: Commit) -> None:
    rows = [
        Example({"context": "the same handbook " * 30, "text": text(n)}, "xy"[n % 2], "first", n)
        for n in range(100)
    ]
    commit(rows)
    assert sum(each.groups for each in prepare(project).splits) == 100


def test_a_document_is_shared_by_all_rows_that_are_left(project: Project, commit: Commit) -> None:
    handbook = "the same handbook " * 30
    rows = [Example({"context": handbook, "text": text(n)}, "xy"[n % 2], "first", n) for n in range(100)]
    rows += [
        Example({"context": "another one", "text": "what now"}, "xy"[n], "first", 100 + n) for n in (0, 1)
    ]
    commit(rows)
    result = prepare(project, PrepareRequest(options={"on_conflict": "reject"}))
    assert result.ledger is not None
    assert result.ledger.rejected == {"conflicting_target": 2}
    assert sum(each.groups for each in result.splits) == 100


def test_the_command_prints_the_table(project: Project, commit: Commit, cli: Callable[..., object]) -> None:
    commit([example(number) for number in range(100)])
    project.close()
    shown = str(cli("prepare", "--project", "task", "--seed", "4").stdout)  # type: ignore[attr-defined]
    assert "100 in, 100 in the splits; rejected: none" in shown
    assert "0 exact, 0 near-duplicate" in shown
    assert "next: narrowcast baseline" in shown


def test_rows_that_say_the_same_in_other_words_stay_together_where_asked_for(
    project: Project, commit: Commit
) -> None:
    def reworded(number: int) -> str:
        words = text(number).split()
        random.Random(-number - 1).shuffle(words)
        return " ".join([*words[:-1], "thanks"])

    rows = [example(number, text=text(number)) for number in range(120)]
    rows += [example(120 + number, target="xy"[number % 2], text=reworded(number)) for number in range(120)]
    commit(rows)

    def parted(options: dict[str, object]) -> int:
        prepare(project, PrepareRequest(options=options))
        where = {row.index: split for split, found in everything(project).items() for row in found}
        return sum(where[number] is not where[120 + number] for number in range(120))

    assert parted({"near_duplicates": "free"}) > 20
    assert parted({"clusters": 0.85}) == 0
    # Counted where an embedder is named, and the version says which.
    free = prepare(project, PrepareRequest(options={"near_duplicates": "free", "embedder": "tfidf"}))
    assert free.leakage.semantic_shared > 10
    assert any("semantic duplicate in train" in warning for warning in free.warnings)
    prepare(project, PrepareRequest(options={"clusters": 0.85, "embedder": "auto"}))
    manifest = load_manifest(project.paths)
    assert (manifest.split_policy.embedder, manifest.split_policy.clusters) == ("tfidf", 0.85)
    assert manifest.leakage.semantic_shared is not None
