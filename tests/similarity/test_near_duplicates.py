from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.similarity.near_duplicates import near_duplicates
from narrowcast.similarity.shingles import character_shingles, jaccard, normalised, shingler_for, words_of
from narrowcast.similarity.union_find import UnionFind
from tests.words import WORDS

pytestmark = pytest.mark.nightly


def sentences(count: int, *, seed: int, length: int = 12) -> list[str]:
    chosen = random.Random(seed)
    return [" ".join(chosen.sample(WORDS, length)) + f" {number}" for number in range(count)]


def brute_force(texts: list[str], threshold: float) -> list[list[int]]:
    sets = UnionFind(len(texts))
    shingles = [character_shingles(words_of(text)) for text in texts]
    for left in range(len(texts)):
        for right in range(left):
            if jaccard(shingles[left], shingles[right]) >= threshold:
                sets.union(left, right)
    return [group for group in sets.components() if len(group) > 1]


def test_case_space_and_punctuation_do_not_count() -> None:
    found = near_duplicates(["Where is  my CARD?", "where is my card", "something else entirely"], 0.8)
    assert found.groups == [[0, 1]]


def test_planted_edits_are_all_found_among_thousands() -> None:
    texts = sentences(3_000, seed=1)
    edits = [text.replace(" ", "  ", 1) + " please" for text in texts[:200]]
    found = near_duplicates(texts + edits, 0.8)
    together = {frozenset(group) for group in found.groups}
    assert all(any({n, 3_000 + n} <= group for group in together) for n in range(200))


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.9])
def test_agrees_with_comparing_every_pair(threshold: float) -> None:
    texts = sentences(150, seed=2, length=6)
    texts += [text + " again" for text in texts[:40]] + [text[: len(text) // 2] for text in texts[:40]]
    assert near_duplicates(texts, threshold).groups == brute_force(texts, threshold)


@settings(max_examples=30)
@given(st.lists(st.text(alphabet="abc d", max_size=12), max_size=20), st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order(texts: list[str], chance: random.Random) -> None:
    order = list(range(len(texts)))
    chance.shuffle(order)
    straight = {frozenset(group) for group in near_duplicates(texts, 0.8).groups}
    shuffled = near_duplicates([texts[number] for number in order], 0.8).groups
    assert {frozenset(order[number] for number in group) for group in shuffled} == straight


def test_one_template_filled_in_thousands_of_times_stays_fast() -> None:
    texts = [
        f"Dear team, my order {number} has not arrived yet, please help me soon" for number in range(3_000)
    ]
    found = near_duplicates(texts, 0.8)
    assert len(found.groups) == 1
    assert len(found.groups[0]) == 3_000
    assert found.checked_pairs < 300_000  # all pairs would be 4.5 million


def test_long_texts_are_compared_by_words() -> None:
    chance = random.Random(3)
    long = [" ".join(chance.choices(WORDS, k=400)) for _ in range(4)]
    assert near_duplicates([*long, long[0] + " and a closing line"], 0.8).groups == [[0, 4]]
    assert shingler_for(long)("one two three four") == {"one two three", "two three four"}


def test_empty_and_single_inputs() -> None:
    assert near_duplicates([], 0.8).groups == []
    assert near_duplicates(["alone"], 0.8).groups == []
    assert near_duplicates(["", " ", "?!"], 0.8).groups == [[0, 1, 2]]


def test_normal_form_keeps_punctuation_apart() -> None:
    assert normalised("Ｆｕｌｌ  Width ﬁne") == "full width fine"
    assert normalised("yes?") != normalised("yes!")
