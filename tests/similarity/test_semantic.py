import random
from pathlib import Path

import numpy as np
import pytest

from narrowcast.errors import ModelError, UsageError
from narrowcast.similarity import cosine_join
from narrowcast.similarity.cosine_join import similar_pairs
from narrowcast.similarity.embedders import embedder
from narrowcast.similarity.semantic import nearest, semantic_groups
from tests.words import WORDS

pytestmark = pytest.mark.nightly

TEXTS = [
    "Please cancel my subscription to the newspaper.",
    "My subscription to the newspaper, cancel it please!",
    "The kettle leaks water on the kitchen table.",
    "On the kitchen table water leaks from a kettle",
    "Tomorrow it rains in the mountains.",
]


def test_the_default_groups_reworded_texts_and_not_others() -> None:
    assert semantic_groups(TEXTS) == [[0, 1], [2, 3]]
    assert semantic_groups(TEXTS[:1]) == []
    assert semantic_groups(["", "?!", "word"]) == [[0, 1]]


def test_the_nearest_of_another_set_is_found() -> None:
    found = nearest(["cancel the newspaper subscription", "completely unrelated"], TEXTS)
    assert found[0] is not None
    assert found[0].number in (0, 1)
    assert found[0].similarity > embedder().threshold
    assert found[1] is None
    assert nearest(["alone"], []) == [None]


def _sentences(count: int) -> list[str]:
    chance = random.Random(count)
    return [" ".join(chance.choices(WORDS, k=chance.randint(0, 7))) for _ in range(count)]


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.9, 1.0])
def test_the_join_finds_every_pair_and_no_other(threshold: float) -> None:
    by = embedder()
    texts, others = _sentences(300), _sentences(170)
    by.fit([*texts, *others])
    left, right = by.embed(texts), by.embed(others)
    cosines = (left @ right.T).toarray()
    wanted = set(zip(*np.nonzero(cosines >= threshold), strict=True))
    assert threshold == 1.0 or len(wanted) > 20
    for one, two in ((left, right), (left.toarray(), right.toarray())):
        found = set()
        for rows, columns, values in similar_pairs(one, two, threshold):
            assert np.allclose(values, cosines[rows, columns], atol=1e-5)
            found |= set(zip(rows.tolist(), columns.tolist(), strict=True))
        # A cosine within rounding of the threshold may fall to either side.
        assert all(abs(cosines[pair] - threshold) < 1e-5 for pair in wanted ^ found)


def test_too_much_work_is_refused_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cosine_join, "MOST_CANDIDATES", 1_000)
    with pytest.raises(UsageError, match="comparing the vectors of 300 rows") as refused:
        semantic_groups(_sentences(300), threshold=0.3)
    assert "--meaning" in refused.value.next_command


def test_a_folder_with_a_static_model_is_an_embedder(tmp_path: Path) -> None:
    from model2vec import StaticModel
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "cat", "kitten", "stock", "market"]
    tokenizer = Tokenizer(
        models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    vectors = np.array([[0.01, 0.01], [1, 0], [0.95, 0.1], [0, 1], [0.1, 0.98]], dtype=np.float32)
    StaticModel(vectors=vectors, tokenizer=tokenizer).save_pretrained(tmp_path / "model")
    by = embedder(f"model2vec:{tmp_path / 'model'}")
    assert semantic_groups(["cat", "stock", "kitten", "market"], by) == [[0, 2], [1, 3]]


def test_a_wrong_embedder_is_refused_without_asking_a_hub(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tfidf"):
        embedder("tfdif")
    with pytest.raises(UsageError, match="takes no argument"):
        embedder("tfidf:x")
    with pytest.raises(ModelError, match="no static embedding model"):
        embedder("model2vec:minishlab/potion-base-8M")
