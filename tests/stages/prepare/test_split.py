"""For any rows: the counts balance, groups stay whole, order does not matter, nothing leaks."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from narrowcast.core.example import Example
from narrowcast.core.names import Split
from narrowcast.errors import DataError
from narrowcast.similarity.leakage import Leakage, measure_leakage
from narrowcast.similarity.shingles import character_shingles, jaccard, words_of
from narrowcast.stages.prepare.division import Division, split_codes
from narrowcast.stages.prepare.options import Options
from narrowcast.stages.prepare.table import NO_SPLIT, STRICTEST, TableBuilder

ROW = st.fixed_dictionaries(
    {
        "text": st.text(alphabet="abcdef gh", min_size=1, max_size=14),
        "target": st.sampled_from(["x", "y", "z"]),
        "group": st.sampled_from([None, None, "g1", "g2", "g3"]),
        "split": st.sampled_from([None, None, None, Split.TRAIN, Split.TEST, Split.GOLDEN]),
    }
)


def build(rows: list[dict[str, Any]]) -> list[Example]:
    return [
        Example({"text": row["text"]}, row["target"], "s", number, row["group"], row["split"])
        for number, row in enumerate(rows)
    ]


def divide(examples: list[Example], options: Options) -> tuple[dict[str, Split], list[int], Leakage]:
    """The split of each row that is placed, the numbers of the others, and what leaked."""
    builder = TableBuilder(labelled=True, recognise=False)
    for number, row in enumerate(examples):
        builder.add(number, row)
    table = builder.table(frozenset())
    divided = Division(table, options).without_leaks()
    codes = split_codes(table, divided.groups, divided.placed).tolist()
    where = {row.id: STRICTEST[code] for row, code in zip(examples, codes, strict=True) if code != NO_SPLIT}
    return where, [each.number for each in divided.rejections], divided.leakage


@settings(max_examples=80)
@given(st.lists(ROW, min_size=10, max_size=60), st.integers(0, 5), st.randoms(use_true_random=False))
def test_invariants(rows: list[dict[str, Any]], seed: int, chance: random.Random) -> None:
    examples = build(rows)
    options = Options(seed=seed)
    try:
        where, rejected, leakage = divide(examples, options)
    except DataError:
        assume(False)  # too connected to be divided
        return
    dropped = {examples[number].id for number in rejected}
    assert len(where) + len(dropped) == len(examples)
    assert not dropped & set(where)
    for row in examples:
        if row.split in (Split.TEST, Split.GOLDEN) and row.id in where:
            assert where[row.id] is row.split
    groups: dict[str, set[Split]] = {}
    for row in examples:
        if row.group and row.id in where:
            groups.setdefault(row.group, set()).add(where[row.id])
    assert all(len(splits) == 1 for splits in groups.values())
    train = [row for row in examples if where.get(row.id) is Split.TRAIN]
    held = [row for row in examples if where.get(row.id, Split.TRAIN) is not Split.TRAIN]
    for one in held:
        mine = character_shingles(words_of(one.inputs["text"]))
        assert all(jaccard(mine, character_shingles(words_of(t.inputs["text"]))) < 0.8 for t in train)
    assert leakage.report.near_duplicates_shared == 0

    shuffled = examples[:]
    chance.shuffle(shuffled)
    assert divide(shuffled, options)[0] == where


def test_the_check_sees_what_it_is_for() -> None:
    texts = [
        "My Card is lost",
        "my card  is lost",
        "the weather is fine",
        "the weather is fine!",
        "other words",
    ]
    splits = [Split.TRAIN, Split.TEST, Split.TRAIN, Split.DEV, Split.GOLDEN]
    keys = ["a", "b", "c", "d", "c"]
    found = measure_leakage(texts, keys, splits, 0.8)
    assert found.report.exact_inputs_shared == 1
    assert found.report.near_duplicates_shared == 2
    assert found.report.groups_shared == 1
    assert found.pairs == [(0, 1), (2, 3)]


@settings(max_examples=60)
@given(
    st.lists(st.text(alphabet="abcd ", max_size=16), min_size=2, max_size=16),
    st.sampled_from([0.5, 0.8, 1.0]),
)
def test_the_check_misses_no_pair(texts: list[str], threshold: float) -> None:
    splits = [Split.TRAIN if number % 2 else Split.TEST for number in range(len(texts))]
    found = measure_leakage(texts, [None] * len(texts), splits, threshold)
    shingles = [character_shingles(words_of(text)) for text in texts]
    leaking = {
        held
        for held in range(0, len(texts), 2)
        for trained in range(1, len(texts), 2)
        if jaccard(shingles[held], shingles[trained]) >= threshold
    }
    assert {held for _, held in found.pairs} == leaking
