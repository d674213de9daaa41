"""When two texts count as the same: a normal form, and sets of shingles for their similarity.

The normal form serves comparison only; rows are stored as they came.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from statistics import median

_NOT_WORD = re.compile(r"[\W_]+")
_ASCII_WORDS = bytes(
    ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else ord(" ") for code in range(256)
)

_MARKUP = re.compile(r"<!--.{0,2000}?-->|</?[A-Za-z][^<>]{0,300}>", re.DOTALL)
_ACCENTS = re.compile("[\u0300-\u036f]")
# Letters of other scripts that look like Latin ones; they are read as such in words that hold Latin letters.
_LATIN = re.compile("[a-z]")
_LOOK_ALIKE = str.maketrans("аеорсухіјѕԁһԛԝορνακιτυ", "aeopcyxijsdhqwopvakitu")

# Three characters keep one changed word in a short message above 0.8, and two different messages below.
_CHARACTERS = 3
_WORDS = 3
# Sets of character triples fill up in long texts, so that all of them look alike: words are used there.
_LONG_TEXT = 1_000

Shingler = Callable[[str], frozenset[str]]


def normalised(text: str) -> str:
    """NFKC, case folded, white space collapsed: equal forms are exact duplicates."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words_of(text: str) -> str:
    """The normal form without markup, accents and punctuation, on which similarity is measured."""
    if "<" in text or "&" in text:
        text = html.unescape(_MARKUP.sub(" ", text))
    if text.isascii():  # the same, four times as fast
        return b" ".join(text.encode().translate(_ASCII_WORDS).split()).decode()
    return _NOT_WORD.sub(" ", _plain_letters(normalised(text))).strip()


def _plain_letters(form: str) -> str:
    """Without accents, and with letters that pass for Latin ones as those."""
    form = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", form)))
    if not _LATIN.search(form):
        return form
    words = form.split(" ")
    mixed = (
        word.translate(_LOOK_ALIKE) if not word.isascii() and _LATIN.search(word) else word for word in words
    )
    return " ".join(mixed)


def shingler_for(texts: Sequence[str]) -> Shingler:
    """Character triples, or word triples where the texts are long (median over 1,000 characters)."""
    long = bool(texts) and median(map(len, texts)) > _LONG_TEXT
    return word_shingles if long else character_shingles


def character_shingles(text: str) -> frozenset[str]:
    """Every run of three characters."""
    last = max(1, len(text) - _CHARACTERS + 1)
    return frozenset([text[start : start + _CHARACTERS] for start in range(last)])


def word_shingles(text: str) -> frozenset[str]:
    """Every run of three words."""
    words = text.split()
    last = max(1, len(words) - _WORDS + 1)
    return frozenset([" ".join(words[start : start + _WORDS]) for start in range(last)])


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Shared shingles over all shingles."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)
