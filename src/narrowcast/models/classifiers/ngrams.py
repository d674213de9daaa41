"""The n-grams that a text is counted by: words and pairs of them, and pieces of words.

They are those of scikit-learn's `TfidfVectorizer`, with which a model is fitted, so that a fitted model can
be stored as plain tables and read where scikit-learn is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Literal

BagKind = Literal["words", "characters"]

WORD = r"(?u)\b\w+\b"
"""A word; the library's own pattern drops single characters, and with them most numbers."""
WORD_LENGTHS = (1, 2)
"""Words in an n-gram."""
CHARACTER_LENGTHS = (2, 5)
"""Characters in an n-gram, within a word and the space on each side."""

_WORD = re.compile(WORD)


def word_ngrams(text: str) -> list[str]:
    """Every word in lower case, and every two that follow each other, with a space between."""
    words = _WORD.findall(text.lower())
    return words + [f"{left} {right}" for left, right in pairwise(words)]


def character_ngrams(text: str) -> list[str]:
    """Two to five characters within each word in lower case, with a space before and behind the word."""
    shortest, longest = CHARACTER_LENGTHS
    ngrams = []
    for word in text.lower().split():
        padded = f" {word} "
        for length in range(shortest, longest + 1):
            ngrams += [padded[at : at + length] for at in range(max(1, len(padded) - length + 1))]
            if len(padded) <= length:
                break
    return ngrams


NGRAMS: Mapping[BagKind, Callable[[str], list[str]]] = {"words": word_ngrams, "characters": character_ngrams}
"""By kind of bag."""
