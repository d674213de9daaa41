"""A text as words with their places: what a tagger gives a tag to.

Spans begin and end at the borders of words, so these follow from the text alone and not from an encoder's
vocabulary. A word is a run of letters and digits; each sign and each emoji is one of its own, and so is each
character of a script without spaces between words. Marks, joiners and modifiers belong to what they stand on.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

# Thai, Lao, Tibetan, Burmese, Khmer, kana, bopomofo, Han with its extensions and compatibility forms.
_UNSPACED = re.compile(
    "[\u0e00-\u0e7f\u0e80-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u312f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_JOINER = "\u200d"
_SKIN = re.compile("[\U0001f3fb-\U0001f3ff]")

_Kind = Literal["space", "letter", "single", "mark"]

_CASES, _DIGITS = 5, 3
SURFACES = _CASES * _DIGITS * 2
"""How many kinds of surface there are."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, by character offsets.

    Attributes:
        surface: below `SURFACES`: how it is written, whatever it says (case, digits, a space before it),
            which an encoder that reads lower case does not see.
    """

    start: int
    end: int
    surface: int


def words_of(text: str) -> list[Word]:
    """The words, from left to right; only white space lies between them."""
    places: list[list[int]] = []
    last: _Kind = "space"
    for place, char in enumerate(text):
        kind = _kind(char, text[place - 1] if place else "")
        if kind == "mark" and last == "space":
            kind = "single"
        if kind == "mark" or (kind == last == "letter"):
            places[-1][1] = place + 1
        elif kind != "space":
            places.append([place, place + 1])
        if kind != "mark":
            last = kind
    return [Word(start, end, _surface(text, start, end)) for start, end in places]


def _kind(char: str, before: str) -> _Kind:
    category = unicodedata.category(char)
    if char.isspace():
        return "space"
    if category[0] == "M" or category == "Cf" or before == _JOINER or _SKIN.match(char):
        return "mark"
    return "letter" if category[0] in "LN" and not _UNSPACED.match(char) else "single"


def _surface(text: str, start: int, end: int) -> int:
    """Case, digits, and whether a space or the beginning stands before, as one number."""
    word = text[start:end]
    letters = [char for char in word if char.isalpha()]
    digits = sum(char.isdigit() for char in word)
    if not letters:
        case = 0
    elif not any(char.isupper() for char in letters):
        case = 1
    elif letters[0].isupper() and not any(char.isupper() for char in letters[1:]):
        case = 2
    else:
        case = 3 if all(char.isupper() for char in letters) else 4
    share = 0 if not digits else 2 if digits == len(word) else 1
    glued = int(start > 0 and not text[start - 1].isspace())
    return (case * _DIGITS + share) * 2 + glued
