import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.similarity.codes import shingle_codes
from narrowcast.similarity.rarity import codes_by_rarity
from narrowcast.similarity.set_join import most_similar
from narrowcast.similarity.shingles import character_shingles, jaccard, words_of
from narrowcast.similarity.sketches import candidate_pairs
from tests.similarity.planted import questions

TEXTS = st.lists(st.text(st.sampled_from("abcÜ漢 🙂"), max_size=12).map(words_of), min_size=1, max_size=12)


@settings(max_examples=100)
@given(TEXTS)
def test_codes_are_equal_exactly_where_shingles_are(texts: list[str]) -> None:
    (codes,) = shingle_codes(texts)
    assert len(codes) == len(texts)
    sets = [set(codes.of(number).tolist()) for number in range(len(texts))]
    shingles = [character_shingles(text) for text in texts]
    for left, mine in enumerate(sets):
        for right, theirs in enumerate(sets):
            assert len(mine & theirs) == len(shingles[left] & shingles[right])


def check_most_similar(texts: list[str], threshold: float) -> None:
    """Every other text is a member."""
    members, others = list(range(0, len(texts), 2)), list(range(1, len(texts), 2))
    found = most_similar(codes_by_rarity(texts), members, others, threshold)
    for number, member, similarity in zip(
        others, found.members.tolist(), found.similarity.tolist(), strict=True
    ):
        mine = character_shingles(texts[number])
        wanted = [(jaccard(mine, character_shingles(texts[each])), -each) for each in members]
        best, first = max((each for each in wanted if each[0] >= threshold), default=(0.0, 1))
        assert (member, similarity) == (-first, pytest.approx(best))


@settings(max_examples=100)
@given(TEXTS, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_the_join_finds_the_most_similar_text_exactly_where_there_is_one(
    texts: list[str], threshold: float
) -> None:
    check_most_similar(texts, threshold)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("words", [6, 60])
def test_the_join_finds_longer_texts_by_their_pairs(threshold: float, words: int) -> None:
    chance = random.Random(3)
    texts: list[str] = []
    for text in questions(120):
        longer = " ".join(chance.choices(text.split(), k=words))
        edited = longer.split()
        for place in chance.sample(range(words), chance.randint(0, words // 2)):
            edited[place] = edited[place][:-1] + "q"
        texts += [longer, " ".join(edited)]
    check_most_similar(texts, threshold)


@given(st.text(max_size=40))
def test_the_quick_way_for_ascii_is_the_same_way(text: str) -> None:
    def slowly(given: str) -> str:
        folded = " ".join(unicodedata.normalize("NFKC", given).casefold().split())
        return " ".join("".join(c if c.isalnum() else " " for c in folded).split())

    plain = text.encode("ascii", "ignore").decode()
    assert words_of(plain) == slowly(plain)


def test_pairs_at_the_threshold_are_candidates_as_often_as_promised() -> None:
    chance = np.random.default_rng(5)
    alphabet = [chr(0x4E00 + number) for number in range(4_000)]
    texts: list[str] = []
    for _ in range(600):
        letters = chance.choice(alphabet, 92, replace=False).tolist()
        # 90 shingles, of which the changed letters leave 80 in common: a similarity of 80 / 100.
        texts.append("".join(letters))
        texts.append("".join([*letters[:82], *chance.choice(alphabet, 10, replace=False).tolist()]))
    similar = [
        jaccard(character_shingles(a), character_shingles(b))
        for a, b in zip(texts[::2], texts[1::2], strict=True)
    ]
    assert min(similar) > 0.79
    together = {pair for band in candidate_pairs(texts, 0.8, 64) for pair in zip(*band, strict=True)}
    found = sum((number, number + 1) in together for number in range(0, len(texts), 2))
    assert found / 600 >= 0.985  # promised: 0.995
