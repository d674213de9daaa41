"""Texts that are a part of others: a half, or a text to which a greeting, a signature or a quote was added.

A text whose words are part of many others says nothing of where it came from; those are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from narrowcast.core.progress import CancelToken
from narrowcast.similarity.codes import Codes
from narrowcast.similarity.ranges import ranges
from narrowcast.similarity.word_numbers import chunks, mixed, words_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEAST_WORDS, _LEAST_CHARACTERS = 2, 8
# The words by which a text is looked up.
_KEY = 8
_MOST_TEXTS = 32
_MOST_PLACES = 3 * _MOST_TEXTS


def contained_pairs(forms: Sequence[str], words: Codes, cancel: CancelToken) -> list[tuple[int, int]]:
    """Pairs (part, whole) of normal forms; a word that was cut through at the part's end counts.

    The cost grows with the number of words; a part of more than 32 texts belongs to none.

    Raises:
        CancelledError: on request.
    """
    wholes_of: dict[int, set[int]] = {}
    for part, whole, place in _places(words, [len(form) for form in forms], cancel):
        if _holds(forms, part, whole, place):
            wholes_of.setdefault(part, set()).add(whole)
    return [
        (part, whole)
        for part, wholes in sorted(wholes_of.items())
        if len(wholes) <= _MOST_TEXTS
        for whole in sorted(wholes)
    ]


def _holds(forms: Sequence[str], part: int, whole: int, place: int) -> bool:
    """Whether the part's words are the whole's from a place on, the outermost perhaps cut."""
    short, long = words_in(forms[part]), words_in(forms[whole])
    if place < 0 or place + len(short) > len(long) or len(short) == len(long):
        return False
    beside = long[place : place + len(short)]
    first = beside[0] == short[0] or (place > 0 and beside[0].endswith(short[0]))
    last = beside[-1] == short[-1] or beside[-1].startswith(short[-1])
    return first and last and beside[1:-1] == short[1:-1]


def _places(words: Codes, characters: Sequence[int], cancel: CancelToken) -> Iterator[tuple[int, int, int]]:
    """Part, whole, and the word of the whole at which the part would begin."""
    import numpy as np

    sizes = np.diff(words.offsets)
    long_enough = (sizes >= _LEAST_WORDS) & (np.asarray(characters) >= _LEAST_CHARACTERS)
    for skipped, dropped in ((0, 0), (0, 1), (1, 0)):
        lengths = sizes - skipped - dropped
        for length in range(_LEAST_WORDS, _KEY + 1):
            parts = np.flatnonzero(
                long_enough & ((lengths == length) if length < _KEY else (lengths >= length))
            )
            if len(parts):
                yield from _occurrences(words, parts, length, skipped, cancel)


def _occurrences(
    words: Codes, parts: NDArray[np.int64], length: int, skipped: int, cancel: CancelToken
) -> Iterator[tuple[int, int, int]]:
    import numpy as np

    at = words.offsets[parts] + skipped
    run = words.values[at].astype(np.uint64)
    for step in range(1, length):
        run = mixed(run, words.values[at + step].astype(np.uint64))
    keys, which = np.unique(run, return_inverse=True)
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], np.arange(len(keys) + 1))
    counts = np.zeros(len(keys), np.int64)
    hits: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
    for start, stop in chunks(words, cancel):
        text, place, runs = _runs_at(words, start, stop, length)
        key = np.minimum(np.searchsorted(keys, runs), len(keys) - 1)
        known = keys[key] == runs
        text, place, key = text[known], place[known], key[known]
        counts += np.bincount(key, minlength=len(keys))
        few = counts[key] <= _MOST_PLACES
        hits.append((text[few], place[few], key[few]))
    for text, place, key in hits:
        cancel.check()
        few = counts[key] <= _MOST_PLACES
        text, place, key = text[few], place[few], key[few]
        many = starts[key + 1] - starts[key]
        named = parts[order[ranges(starts[key], many)]]
        whole, begin = np.repeat(text, many), np.repeat(place - skipped, many)
        other = named != whole
        yield from zip(named[other].tolist(), whole[other].tolist(), begin[other].tolist(), strict=True)


def _runs_at(
    words: Codes, start: int, stop: int, length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    """Text, first word within it, and hash of each run of `length` words."""
    import numpy as np

    offsets = words.offsets[start : stop + 1]
    values = words.values[offsets[0] : offsets[-1]].astype(np.uint64)
    sizes = np.diff(offsets)
    text = np.repeat(np.arange(start, stop), sizes)
    place = np.arange(len(values)) - np.repeat(offsets[:-1] - offsets[0], sizes)
    if len(values) < length:
        return text[:0], place[:0], values[:0]
    run = values
    for step in range(1, length):
        run = mixed(run[:-1], values[step:])
    inside = text[length - 1 :] == text[: len(text) - length + 1]
    kept = len(run)
    return text[:kept][inside], place[:kept][inside], run[inside]
