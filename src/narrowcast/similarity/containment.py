"""Texts that are a part of others: a half, or a text to which a greeting, a signature or a quote was added.

A text whose words are part of many others says nothing of where it came from; those are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from narrowcast.core.progress import CancelToken, Share, ignored
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


def contained_pairs(
    forms: Sequence[str], words: Codes, cancel: CancelToken, searched: Share = ignored
) -> list[tuple[int, int]]:
    """Pairs (part, whole) of normal forms; a word that was cut through at the part's end counts.

    The cost grows with the number of words; a part of more than 32 texts belongs to none.

    Raises:
        CancelledError: on request.
    """
    wholes_of: dict[int, set[int]] = {}
    for part, whole, place in _places(words, [len(form) for form in forms], cancel, searched):
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


def _places(
    words: Codes, characters: Sequence[int], cancel: CancelToken, searched: Share
) -> Iterator[tuple[int, int, int]]:
    """Part, whole, and the word of the whole at which the part would begin."""
    lookups = list(_lookups(words, characters))
    filters = {length: _filter(lookups, length) for length in range(_LEAST_WORDS, _KEY + 1)}
    for start, stop in chunks(words, cancel):
        for length, text, place, run in _runs_at(words, start, stop, filters):
            for lookup in lookups:
                if lookup.length == length:
                    lookup.look_up(text, place, run)
        searched((stop - start) / len(words))
    for lookup in lookups:
        yield from lookup.occurrences(cancel)


class _Lookup:
    """Parts by the hash of their first `length` words, without the first where it is skipped.

    Args:
        words: of all texts.
        parts: their numbers.
        length: how many words are hashed.
        skipped: words before those, which may be cut.
    """

    def __init__(self, words: Codes, parts: NDArray[np.int64], length: int, skipped: int) -> None:
        import numpy as np

        self.length, self._skipped = length, skipped
        at = words.offsets[parts] + skipped
        run = words.values[at].astype(np.uint64)
        for step in range(1, length):
            run = mixed(run, words.values[at + step].astype(np.uint64))
        order = np.argsort(run, kind="stable")
        self.keys, self._starts = np.unique(run[order], return_index=True)
        self._starts = np.append(self._starts, len(parts))
        self._parts = parts[order]
        self._counts = np.zeros(len(self.keys), np.int64)
        self._hits: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []

    def look_up(self, text: NDArray[np.int64], place: NDArray[np.int64], run: NDArray[np.uint64]) -> None:
        """Keep those of the runs that are keys: text, first word within it, and hash of each."""
        import numpy as np

        key = np.minimum(np.searchsorted(self.keys, run), len(self.keys) - 1)
        known = self.keys[key] == run
        text, place, key = text[known], place[known], key[known]
        self._counts += np.bincount(key, minlength=len(self.keys))
        few = self._counts[key] <= _MOST_PLACES
        self._hits.append((text[few], place[few], key[few]))

    def occurrences(self, cancel: CancelToken) -> Iterator[tuple[int, int, int]]:
        """Part, whole and place, of keys that are not in too many places."""
        import numpy as np

        for text, place, key in self._hits:
            cancel.check()
            few = self._counts[key] <= _MOST_PLACES
            text, place, key = text[few], place[few], key[few]
            many = self._starts[key + 1] - self._starts[key]
            named = self._parts[ranges(self._starts[key], many)]
            whole, begin = np.repeat(text, many), np.repeat(place - self._skipped, many)
            other = named != whole
            yield from zip(named[other].tolist(), whole[other].tolist(), begin[other].tolist(), strict=True)


def _lookups(words: Codes, characters: Sequence[int]) -> Iterator[_Lookup]:
    """Parts by whole words, without a last one that may be cut, and without such a first one."""
    import numpy as np

    sizes = np.diff(words.offsets)
    long_enough = (sizes >= _LEAST_WORDS) & (np.asarray(characters) >= _LEAST_CHARACTERS)
    for skipped, dropped in ((0, 0), (0, 1), (1, 0)):
        lengths = sizes - skipped - dropped
        for length in range(_LEAST_WORDS, _KEY + 1):
            fitting = (lengths == length) if length < _KEY else (lengths >= length)
            parts = np.flatnonzero(long_enough & fitting)
            if len(parts):
                yield _Lookup(words, parts, length, skipped)


def _filter(lookups: Sequence[_Lookup], length: int) -> tuple[NDArray[np.bool_], np.uint64]:
    """Which upper bits of a hash are those of a key, and how far to shift it for them.

    Most runs are no key; to see it here takes a tenth of the time of a search among the keys.
    """
    import numpy as np

    keys = [each.keys for each in lookups if each.length == length]
    bits = max(10, (8 * sum(map(len, keys))).bit_length())
    known, shift = np.zeros(1 << bits, np.bool_), np.uint64(64 - bits)
    for each in keys:
        known[each >> shift] = True
    return known, shift


def _runs_at(
    words: Codes, start: int, stop: int, filters: Mapping[int, tuple[NDArray[np.bool_], np.uint64]]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]]:
    """Length, text, first word within it, and hash of each run of words that may be a key."""
    import numpy as np

    offsets = words.offsets[start : stop + 1]
    values = words.values[offsets[0] : offsets[-1]].astype(np.uint64)
    text = np.repeat(np.arange(start, stop), np.diff(offsets))
    run = values
    for length, (known, shift) in filters.items():
        run = mixed(run[:-1], values[length - 1 :])
        if not len(run):
            return
        likely = np.flatnonzero(known[run >> shift] & (text[length - 1 :] == text[: len(run)]))
        of = text[likely]
        yield length, of, likely - (words.offsets[of] - offsets[0]), run[likely]
