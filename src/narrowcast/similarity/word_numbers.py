"""Texts as runs of numbered words, and what such runs have in common: arithmetic over all texts together."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.progress import UNSTOPPABLE, CancelToken, Share, ignored, stoppable
from narrowcast.similarity.codes import Codes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Scripts without spaces: each sign is a word.
_SIGN = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
_WORDS_AT_A_TIME = 1 << 17
_TEXTS_AT_A_TIME = 1 << 12  # between two words on the progress


@dataclass(frozen=True, slots=True)
class NumberedWords:
    """The words of texts in their order, by number, and what is known of each word.

    Attributes:
        words: of each text, in order.
        sets: of each text, each once, ascending.
        neighbours: hashes of two adjacent words, of each text, each once, ascending.
        weights: of each word: rare words say more of a text than frequent ones.
        numeric: whether a word holds a digit.
    """

    words: Codes
    sets: Codes
    neighbours: Codes
    weights: NDArray[np.float32]
    numeric: NDArray[np.bool_]


def words_in(form: str) -> list[str]:
    """The words of a normal form (`words_of`)."""
    return (form if form.isascii() else _SIGN.sub(r" \1 ", form)).split()


def numbered(forms: Sequence[str], cancel: CancelToken = UNSTOPPABLE, done: Share = ignored) -> NumberedWords:
    """Number the words of normal forms, and weigh them by how few of the texts hold them.

    Raises:
        CancelledError: on request.
    """
    import numpy as np

    numbers: dict[str, int] = {}
    values = array("I")
    offsets = np.zeros(len(forms) + 1, np.int64)
    for place, form in enumerate(stoppable(forms, cancel)):
        values.extend([numbers.setdefault(word, len(numbers)) for word in words_in(form)])
        offsets[place + 1] = len(values)
        if place % _TEXTS_AT_A_TIME == 0:
            done(min(_TEXTS_AT_A_TIME, len(forms) - place) / len(forms) / 2)
    words = Codes(np.frombuffer(values, np.uint32) if values else np.empty(0, np.uint32), offsets)
    sets = _sets(words, _as_they_are, cancel, done)
    neighbours = _sets(words, _neighbours, cancel, done)
    held_by = np.bincount(sets.values, minlength=len(numbers))
    # A word of one text in ten weighs half, one of fewer than thirty as much as it can.
    most = max(1.0, float(np.log(max(1, len(forms)) / 30)))
    weights = np.clip(np.log((len(forms) + 1) / (held_by + 1)), 0.5, most).astype(np.float32)
    numeric = np.fromiter((any(map(str.isdigit, word)) for word in numbers), np.bool_, len(numbers))
    return NumberedWords(words, sets, neighbours, weights, numeric)


def _neighbours(words: Codes) -> Codes:
    import numpy as np

    sizes = np.diff(words.offsets)
    inside = np.ones(len(words.values), np.bool_)
    inside[words.offsets[1:][sizes > 0] - 1] = False
    first, last = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77)
    values = (words.values[:-1] * first) ^ (words.values[1:] * last)
    counts = np.maximum(sizes - 1, 0)
    return Codes(values[inside[:-1]], np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]))


def _as_they_are(words: Codes) -> Codes:
    return words


def _sets(words: Codes, parts: Callable[[Codes], Codes], cancel: CancelToken, done: Share) -> Codes:
    """Of what a text is made of, each once, ascending; a quarter of what `done` takes."""
    import numpy as np

    values = np.empty(len(words.values), np.uint32)
    counts = np.zeros(len(words) + 1, np.int64)
    stored = 0
    for start, stop in chunks(words, cancel):
        begin, end = words.offsets[start], words.offsets[stop]
        chunk = parts(Codes(words.values[begin:end], words.offsets[start : stop + 1] - begin))
        texts = np.repeat(np.arange(len(chunk), dtype=np.uint64), np.diff(chunk.offsets))
        both = np.sort((texts << np.uint64(32)) | chunk.values)
        both = both[np.concatenate([np.ones(min(1, len(both)), bool), both[1:] != both[:-1]])]
        counts[start + 1 : stop + 1] = np.bincount(
            (both >> np.uint64(32)).astype(np.int64), minlength=len(chunk)
        )
        values[stored : stored + len(both)] = both & np.uint64(0xFFFFFFFF)
        stored += len(both)
        done((stop - start) / len(words) / 4)
    return Codes(values[:stored], np.cumsum(counts))


def chunks(words: Codes, cancel: CancelToken) -> Iterator[tuple[int, int]]:
    """Texts `start` to `stop` with about a hundred thousand words together.

    Raises:
        CancelledError: on request.
    """
    import numpy as np

    start, size = 0, len(words)
    while start < size:
        cancel.check()
        end = words.offsets[start] + _WORDS_AT_A_TIME
        stop = max(start + 1, int(np.searchsorted(words.offsets, end, "right")) - 1)
        yield start, min(stop, size)
        start = stop


def mixed(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One number for two, each bit of which depends on every bit of both."""
    import numpy as np

    value = left * np.uint64(0x9E3779B97F4A7C15) + right + np.uint64(0x632BE59BD9B4E019)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
