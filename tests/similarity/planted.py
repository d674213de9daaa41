"""Made-up questions, no two alike."""

from __future__ import annotations

import random

_FUNCTION_WORDS = (
    *("i", "my", "the", "a", "to", "is", "for", "in", "it", "of", "on", "you", "can", "do", "how", "what"),
    *("when", "why", "not", "and", "this", "with", "have", "be", "from"),
)
_LETTERS = "eeeeeeeeeeetttttttaaaaaaoooooiiiiinnnnnssssshhhhrrrrddllcumwfgypbvk"


def questions(count: int, seed: int = 0) -> list[str]:
    """Texts of 7 to 14 words, half of them frequent words; no two are edits of each other."""
    chance = random.Random(seed)
    content = ["".join(chance.choices(_LETTERS, k=chance.randint(4, 9))) for _ in range(1_500)]
    weights = [1 / (rank + 20) for rank in range(len(content))]

    def text() -> str:
        size = chance.randint(7, 14)
        rare = chance.choices(content, weights, k=size)
        usual = chance.choices(_FUNCTION_WORDS, k=size)
        return " ".join(
            one if chance.random() < 0.5 else other for one, other in zip(rare, usual, strict=True)
        )

    return [text() for _ in range(count)]
