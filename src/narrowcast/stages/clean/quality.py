"""A quality score from 0 to 1: the mean of five plain measures, each from 0 (bad) to 1.

1. `letters`: share of letters and digits among visible characters; full marks from 0.75 on.
2. `words`: mean length of words; full marks from 3 to 10 characters, none under 1 or over 20.
3. `variety`: different words over words, in windows of 100 words; full marks from 0.4 on.
4. `lines`: share of lines that do not repeat an earlier one.
5. `readable`: 1 minus twenty times the share of replacement, private-use and unassigned characters.

After the rules of J. Rae et al., "Scaling language models: Gopher", 2021, without their English stop
words. Scripts that write no spaces get full marks for `words` and `variety`. Length is not quality; it is
looked at as an outlier.
"""

from __future__ import annotations

import unicodedata
from statistics import fmean

_WINDOW = 100
_LOOKED_AT = 50_000
_BROKEN = ("Co", "Cn", "Cs")  # private, unassigned, half a pair
# Han, kana, Thai, Lao, Khmer, Myanmar: one "word" is a whole sentence.
_NO_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def quality_of(text: str) -> float:
    """The score, rounded to three digits; 0 for a text without a visible character."""
    head = text[:_LOOKED_AT]
    words = head.split()
    visible = "".join(words)
    if not visible:
        return 0.0
    spaced = not _written_without_spaces(visible)
    measures = (
        min(1.0, sum(map(str.isalnum, visible)) / len(visible) / 0.75),
        _word_length(fmean(map(len, words))) if spaced else 1.0,
        _variety(words) if spaced else 1.0,
        _new_lines(head),
        max(0.0, 1.0 - 20 * _broken(visible) / len(visible)),
    )
    return round(fmean(measures), 3)


def _word_length(mean: float) -> float:
    if mean < 3:
        return max(0.0, (mean - 1) / 2)
    return 1.0 if mean <= 10 else max(0.0, (20 - mean) / 10)


def _variety(words: list[str]) -> float:
    windows = [words[start : start + _WINDOW] for start in range(0, len(words), _WINDOW)]
    shares = [len({word.casefold() for word in window}) / len(window) for window in windows]
    return min(1.0, fmean(shares) / 0.4)


def _new_lines(text: str) -> float:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return len(set(lines)) / len(lines)


def _broken(visible: str) -> int:
    """How many characters cannot be read; no ASCII character is such."""
    if visible.isascii():
        return 0
    different = set(visible)
    broken = (each for each in different if each == "\ufffd" or unicodedata.category(each) in _BROKEN)
    return sum(map(visible.count, broken))


def _written_without_spaces(visible: str) -> bool:
    sample = visible[:200]
    if sample.isascii():
        return False
    count = sum(
        character > "\u0dff" and unicodedata.name(character, "").startswith(_NO_SPACES)
        for character in sample
    )
    return count > len(sample) / 2
