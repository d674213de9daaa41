"""Which texts may be edited copies of each other: those that share their rarest runs of words.

An edit leaves most runs of one to four words as they were, and those are rare in other texts; those that it
makes are in no other text. So the rarest runs that a text shares with any other are shared with its copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from narrowcast.similarity.codes import Codes
from narrowcast.similarity.ranges import ranges
from narrowcast.similarity.word_numbers import chunks, mixed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]

# A run that more texts share is not looked up; of each text the 16 rarest are.
_MOST_TEXTS, _RUNS = 64, 16
_SHARED = 2
# A run of so few texts counts twice.
_FEW_TEXTS = 4
# Candidates of one text, those that share most runs first.
_CANDIDATES = 48
_ENTRIES = 1 << 18


def candidate_blocks(words: Codes) -> Iterator[Pairs]:
    """Pairs of texts (the smaller number first) that share at least two rare runs, block by block.

    Both the time and the memory grow with the number of words.
    """
    import numpy as np

    texts, runs = _rarest(words)
    if not len(runs):
        return
    order = np.argsort(runs, kind="stable")
    ordered, members = runs[order], texts[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.concatenate([starts, [len(ordered)]]))
    group = np.empty(len(runs), np.uint32)
    group[order] = np.repeat(np.arange(len(starts), dtype=np.uint32), sizes)
    del ordered, order, runs
    total = np.cumsum(sizes[group])
    first = 0
    while first < len(group):
        stop = int(np.searchsorted(total, (total[first - 1] if first else 0) + _ENTRIES, "right"))
        stop = max(stop, first + 1)
        stop = int(np.searchsorted(texts, texts[stop - 1], "right"))  # the whole of the last text
        mine = group[first:stop]
        others = members[ranges(starts[mine], sizes[mine])].astype(np.int64)
        one = np.repeat(texts[first:stop], sizes[mine]).astype(np.int64)
        rare = np.repeat(sizes[mine] <= _FEW_TEXTS, sizes[mine])
        later = one < others
        yield _shared(one[later], others[later], rare[later], len(words))
        first = stop


def _shared(one: NDArray[np.int64], other: NDArray[np.int64], rare: NDArray[np.bool_], size: int) -> Pairs:
    """Pairs that come often enough; of each text those that come most often."""
    import numpy as np

    every = one * size + other
    order = np.argsort(every, kind="stable")
    pairs, starts = np.unique(every[order], return_index=True)
    counts = np.add.reduceat(1 + rare[order], starts) if len(starts) else starts
    pairs, counts = pairs[counts >= _SHARED], counts[counts >= _SHARED]
    left = pairs // size
    order = np.lexsort((-counts, left))
    pairs, left = pairs[order], left[order]
    rank = np.arange(len(left)) - np.searchsorted(left, left)
    pairs = pairs[rank < _CANDIDATES]
    return pairs // size, pairs % size


def _rarest(words: Codes) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    """Text and run, for the rarest runs of each text that another one has as well; texts ascending."""
    import numpy as np

    # Several times as many places as runs, so that few runs share one; a byte each.
    bits = min(27, max(16, int(np.ceil(np.log2(5 * max(1, len(words.values))))) + 1))
    held_by = np.zeros(1 << bits, np.uint8)
    for start, stop in chunks(words):
        places = np.sort(_all_runs(words, start, stop)[1] >> np.uint64(64 - bits))
        first = np.flatnonzero(np.concatenate([[True], places[1:] != places[:-1]]))
        more = np.minimum(np.diff(np.concatenate([first, [len(places)]])), 128)
        held_by[places[first]] = np.minimum(held_by[places[first]] + more, 255)
    texts, runs = [np.empty(0, np.uint32)], [np.empty(0, np.uint64)]
    for start, stop in chunks(words):
        text, run = _all_runs(words, start, stop)
        count = held_by[run >> np.uint64(64 - bits)]
        known = (count > 1) & (count <= _MOST_TEXTS)
        text, run, count = text[known], run[known], count[known]
        # One number to sort by: the text, then how many hold the run, then the run itself.
        rank = ((text - start).astype(np.uint64) << np.uint64(44)) | (
            count.astype(np.uint64) << np.uint64(36)
        )
        rank |= run >> np.uint64(28)
        order = np.argsort(rank)
        rank = rank[order]
        once = np.concatenate([np.ones(min(1, len(rank)), bool), rank[1:] != rank[:-1]])
        text, run = text[order][once], run[order][once]
        place = np.arange(len(text)) - np.searchsorted(text, text)
        texts.append(text[place < _RUNS])
        runs.append(run[place < _RUNS])
    return np.concatenate(texts), np.concatenate(runs)


def _all_runs(words: Codes, start: int, stop: int) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    """Text and hash of each run of one to four words, and of each two words with one between."""
    import numpy as np

    offsets = words.offsets[start : stop + 1]
    values = words.values[offsets[0] : offsets[-1]].astype(np.uint64)
    text = np.repeat(np.arange(start, stop, dtype=np.uint32), np.diff(offsets))
    run = mixed(values, np.full(len(values), 1, np.uint64))
    texts, runs = [text], [run]
    for length in (2, 3, 4):
        if len(values) < length:
            break
        inside = text[length - 1 :] == text[: 1 - length]
        run = mixed(run[:-1], values[length - 1 :])
        texts.append(text[: 1 - length][inside])
        runs.append(run[inside])
        if length == 3:
            apart = mixed(mixed(values[:-2], np.full(len(values) - 2, 3, np.uint64)), values[2:])
            texts.append(text[:-2][inside])
            runs.append(apart[inside])
    return np.concatenate(texts), np.concatenate(runs)
