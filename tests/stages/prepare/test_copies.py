"""Edited copies stay together, siblings too, and a version that grows keeps its rows where they were."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from narrowcast.core.example import Example
from narrowcast.core.names import Split
from narrowcast.evaluation.rows import held_out_rows
from narrowcast.ops.prepare import current_dataset, prepare
from narrowcast.ops.requests import PrepareRequest
from narrowcast.pipeline.project import Project
from narrowcast.store.access import record_access
from narrowcast.store.datasets import read_split
from narrowcast.testing.edits import EDITS
from tests.similarity.planted import questions
from tests.support.cli import Cli, CliJson

from .conftest import Commit


def rows_of(texts: list[str], source: str = "first", **fields: Any) -> list[Example]:
    labels = fields.pop("labels", "xy")
    return [
        Example({"text": text}, labels[n % len(labels)], source, n, **fields) for n, text in enumerate(texts)
    ]


def places(project: Project) -> dict[str, Split]:
    manifest = current_dataset(project)
    return {
        str(row.inputs["text"]): split
        for split in manifest.splits
        for row in read_split(project.paths, manifest, split)
    }


@pytest.mark.parametrize("kind", EDITS)
def test_four_of_five_edited_copies_stay_with_their_originals(
    kind: str, project: Project, commit: Commit
) -> None:
    originals = questions(600)
    chance = random.Random(kind)
    chosen = chance.sample(originals, 60)
    edited = [EDITS[kind](text, chance, originals) for text in chosen]
    commit(rows_of([*originals, *edited]))
    prepare(project)
    where = places(project)
    apart = sum(where[text] is not where[copy] for text, copy in zip(chosen, edited, strict=True))
    # By chance alone, one pair in two is in one split; of those that are found none is apart.
    assert apart <= 0.1 * len(chosen)


def test_texts_with_other_numbers_are_no_copies(project: Project, commit: Commit) -> None:
    commit(rows_of([f"order {7 * number:04} late please" for number in range(400)]))
    assert sum(each.groups for each in prepare(project).splits) > 350


def test_a_chain_of_copies_does_not_swallow_the_rows_and_is_said(project: Project, commit: Commit) -> None:
    words = [
        f"{a}{b}{c}"
        for a in "bcdfghklmnprstvz"
        for b in ("alo", "eru", "ino", "opa", "usi", "ave", "olu", "eki", "ira", "uto")
        for c in "dx"
    ]
    chain = [" ".join(words[at : at + 12]) for at in range(0, len(words) - 12, 2)]
    commit(rows_of([*chain, *questions(20)]))
    result = prepare(project)
    assert all(each.rows for each in result.splits)
    assert result.leakage.edited_copies_shared
    assert any("edited copy in train" in warning for warning in result.warnings)
    assert "no leakage" not in str(result.summary)
    free = prepare(project, PrepareRequest(options={"copies": "free", "splits": "new"}))
    assert not free.leakage.edited_copies_shared


def test_siblings_stay_together_without_their_parent(project: Project, commit: Commit) -> None:
    texts = questions(400)
    families = [
        Example({"text": texts[n]}, "xy"[n % 2], "first", n, parents=(f"gone:{n // 6}",)) for n in range(120)
    ]
    commit([*families, *(Example({"text": texts[n]}, "xy"[n % 2], "first", n) for n in range(120, 400))])
    prepare(project)
    where = places(project)
    for family in range(20):
        assert len({where[texts[n]] for n in range(6 * family, 6 * family + 6)}) == 1


def test_a_version_that_grows_keeps_its_rows_where_they_were(project: Project, commit: Commit) -> None:
    texts = questions(420)
    commit(rows_of(texts[:400], labels="xxxy"))
    prepare(project)
    before = places(project)
    commit(rows_of(texts[400:], "second", labels="xxxy"), name="second")
    prepare(project)
    after = places(project)
    assert all(after[text] is split for text, split in before.items())
    counts = {split: sum(place is split for place in after.values()) for split in Split}
    assert counts[Split.TEST] == pytest.approx(0.15 * 420, abs=2)
    assert counts[Split.DEV] == pytest.approx(0.15 * 420, abs=2)
    prepare(project, PrepareRequest(options={"splits": "new"}))
    assert any(places(project)[text] is not split for text, split in before.items())


def test_accesses_to_the_same_test_rows_are_counted_on(project: Project, commit: Commit) -> None:
    from narrowcast.evaluation.options import MeasureOptions

    texts = questions(420)
    commit(rows_of(texts[:400]))
    prepare(project)
    first = current_dataset(project)
    for _ in range(3):
        seen = record_access(project.paths, first, Split.TEST, "run", ["majority"])
    assert seen == 3
    commit(rows_of(texts[400:], "second"), name="second")
    prepare(project)
    second = current_dataset(project)
    assert second.version != first.version
    assert held_out_rows(project.paths, second, MeasureOptions(split="test"), 0)
    assert record_access(project.paths, second, Split.TEST, "run", ["majority"]) == 4


@pytest.mark.parametrize(
    ("labels", "count", "said"),
    [
        ("x", 60, "all rows have one label, x"),
        ("xy", 60, "the test split has 9 rows; with fewer than 30 its figures decide nothing"),
        ("".join(map(chr, range(97, 97 + 20))), 20, "20 of 20 labels have one row each"),
        ("x" * 199 + "y", 200, "1 of 2 labels has one row: y"),
        ("x" * 199 + "y", 200, "1 of 2 labels has no row in test: y"),
    ],
)
def test_what_the_splits_cannot_show_is_said_by_prepare_and_preflight(
    labels: str, count: int, said: str, project: Project, commit: Commit, cli: Cli, cli_json: CliJson
) -> None:
    texts = questions(count)
    commit(rows_of(texts, labels=labels), labels=sorted(set(labels)))
    assert any(said in warning for warning in prepare(project).warnings)
    project.close()
    found = cli_json("preflight", "-p", "task", "--probe-steps", "0", code=None)
    assert any(said in each["what"] for each in found["findings"])


def test_prepare_says_how_many_rows_stay(project: Project, commit: Commit, cli: Cli, tmp_path: Path) -> None:
    commit(rows_of(questions(100)))
    prepare(project)
    project.close()
    done = cli("prepare", "-p", "task", "--force")
    assert "100 of 100 rows of the version before keep their split" in done.stderr + done.stdout
    assert json.loads(cli("prepare", "-p", "task", "--json").stdout)["leakage"]["edited_copies_shared"] == 0
