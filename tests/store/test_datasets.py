from __future__ import annotations

from pathlib import Path

import pytest

from narrowcast.core.example import Example
from narrowcast.core.ledger import StageLedger
from narrowcast.core.manifest import DatasetManifest, LeakageReport, SplitPolicy
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError
from narrowcast.store.datasets import dataset_version, load_manifest, read_split, save_version
from narrowcast.store.files import read_jsonl


@pytest.fixture
def paths(tmp_path: Path) -> ProjectPaths:
    return ProjectPaths(tmp_path)


def rows(*texts: str) -> list[Example]:
    return [Example({"text": text}, "x", "first", number) for number, text in enumerate(texts)]


def save(paths: ProjectPaths, splits: dict[Split, list[Example]]) -> DatasetManifest:
    count = sum(map(len, splits.values()))
    manifest = DatasetManifest(
        version=dataset_version(splits),
        task=TaskSpec(profile="classification", labels=["x"]),
        splits={},
        split_policy=SplitPolicy(ratios={Split.TRAIN: 1.0}, seed=0, groups=count),
        leakage=LeakageReport(
            exact_inputs_shared=0, near_duplicates_shared=0, groups_shared=0, checked_pairs=0
        ),
        ledger=StageLedger(stage="prepare", rows_in=count, rows_out=count),
        imports=[],
        provenance={},
    )
    return save_version(paths, manifest, splits)


def test_what_was_saved_is_read_back_whole(paths: ProjectPaths) -> None:
    splits = {Split.TRAIN: rows("one", "two\u2028three", 'quo"te\n'), Split.TEST: rows("four")}
    written = save(paths, splits)
    assert load_manifest(paths) == written
    assert {split: read_split(paths, written, split) for split in splits} == splits
    assert written.splits[Split.TRAIN].rows == 3


def test_the_version_depends_on_content_and_split_but_not_on_where_rows_came_from() -> None:
    one = {Split.TRAIN: rows("a"), Split.TEST: rows("b")}
    moved = {Split.TRAIN: rows("b"), Split.TEST: rows("a")}
    renamed = {Split.TRAIN: [Example({"text": "a"}, "x", "other", 9)], Split.TEST: rows("b")}
    assert dataset_version(one) != dataset_version(moved)
    assert dataset_version(one) == dataset_version(renamed)


def test_versions_follow_each_other(paths: ProjectPaths) -> None:
    first = save(paths, {Split.TRAIN: rows("a"), Split.GOLDEN: rows("b")})
    assert (paths.evaluation / "golden.jsonl").exists()
    second = save(paths, {Split.TRAIN: rows("a", "c")})
    assert second.parent_version == first.version
    assert load_manifest(paths).version == second.version
    assert not (paths.evaluation / "golden.jsonl").exists()
    again = save(paths, {Split.TRAIN: rows("a"), Split.GOLDEN: rows("b")})
    assert again == first
    assert [line["version"] for line in read_jsonl(paths.datasets)] == [first.version, second.version]


def test_what_is_missing_is_named_with_the_next_command(paths: ProjectPaths) -> None:
    with pytest.raises(DataError, match="no data set was prepared") as none:
        load_manifest(paths)
    assert none.value.reason_code == "prepare_manifest_missing"
    assert none.value.next_command == "narrowcast data import --locator SCHEME:PATH --auto"
    manifest = save(paths, {Split.TRAIN: rows("a")})
    with pytest.raises(DataError, match="no golden split") as golden:
        read_split(paths, manifest, Split.GOLDEN)
    assert "golden" in golden.value.next_command


def test_damage_is_noticed(paths: ProjectPaths) -> None:
    manifest = save(paths, {Split.TRAIN: rows("a"), Split.TEST: rows("b")})
    train = paths.root / manifest.splits[Split.TRAIN].path
    train.write_bytes(train.read_bytes().replace(b'"a"', b'"A"'))
    with pytest.raises(DataError, match="changed after it was prepared"):
        read_split(paths, manifest, Split.TRAIN)
    (paths.root / manifest.splits[Split.TEST].path).unlink()
    with pytest.raises(DataError, match="is gone"):
        read_split(paths, manifest, Split.TEST)
    (train.parent / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="manifest is damaged"):
        load_manifest(paths)
