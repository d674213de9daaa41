"""Which texts may be edited copies of each other: those that share their rarest runs of words.

An edit leaves most runs of one to four words as they were, and those are rare in other texts; those that it
makes are in no other text. So the rarest runs that a text shares with any other are shared with its copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from narrowcast.core.progress import CancelToken, Share, ignored
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
_PART_BITS = 4
_PARTS = 1 << _PART_BITS


def candidate_blocks(
    words: Codes, cancel: CancelToken, *, indexed: Share = ignored, paired: Share = ignored
) -> Iterator[Pairs]:
    """Pairs of texts (the smaller number first) that share at least two rare runs, block by block.

    Both the time and the memory grow with the number of words.

    Args:
        words: of each text.
        cancel: stops it.
        indexed: takes how far the index of runs is.
        paired: takes how many of the runs were looked up.

    Raises:
        CancelledError: on request.
    """
    import numpy as np

    texts, runs = _rarest(words, cancel, indexed)
    members, group, starts = _by_run(texts, runs, cancel)
    del runs
    sizes = np.diff(starts)
    first = 0
    while first < len(group):
        cancel.check()
        total = np.cumsum(sizes[group[first : first + _ENTRIES]])
        stop = first + max(1, int(np.searchsorted(total, _ENTRIES, "right")))
        stop = int(np.searchsorted(texts, texts[stop - 1], "right"))  # the whole of the last text
        mine = group[first:stop]
        others = members[ranges(starts[mine], sizes[mine])].astype(np.int64)
        one = np.repeat(texts[first:stop], sizes[mine]).astype(np.int64)
        rare = np.repeat(sizes[mine] <= _FEW_TEXTS, sizes[mine])
        later = one < others
        yield _shared(one[later], others[later], rare[later], len(words))
        paired((stop - first) / len(group))
        first = stop


def _by_run(
    texts: NDArray[np.uint32], runs: NDArray[np.uint64], cancel: CancelToken
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.int64]]:
    """The texts in the order of their runs; the number of each run; where the texts of each run begin."""
    import numpy as np

    members, group = np.empty_like(texts), np.empty(len(texts), np.uint32)
    starts: list[NDArray[np.int64]] = []
    known = placed = 0
    # A sixteenth of the runs at a time: to sort them takes several times their memory.
    for part in range(_PARTS):
        cancel.check()
        mine = np.flatnonzero((runs >> np.uint64(64 - _PART_BITS)) == part)
        mine = mine[np.argsort(runs[mine], kind="stable")]
        ordered = runs[mine]
        new = np.ones(len(mine), np.bool_)
        new[1:] = ordered[1:] != ordered[:-1]
        members[placed : placed + len(mine)] = texts[mine]
        group[mine] = known + np.cumsum(new) - 1
        starts.append(placed + np.flatnonzero(new))
        placed, known = placed + len(mine), known + len(starts[-1])
    return members, group, np.concatenate([*starts, [placed]])


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


def _rarest(
    words: Codes, cancel: CancelToken, indexed: Share
) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    """Text and run, for the rarest runs of each text that another one has as well; texts ascending."""
    import numpy as np

    # Several times as many places as runs, so that few runs share one; a byte each.
    bits = min(27, max(16, int(np.ceil(np.log2(5 * max(1, len(words.values))))) + 1))
    held_by = np.zeros(1 << bits, np.uint8)
    for start, stop in chunks(words, cancel):
        places = np.sort(_all_runs(words, start, stop)[1] >> np.uint64(64 - bits))
        first = np.flatnonzero(np.concatenate([[True], places[1:] != places[:-1]]))
        more = np.minimum(np.diff(np.concatenate([first, [len(places)]])), 128)
        held_by[places[first]] = np.minimum(held_by[places[first]] + more, 255)
        indexed((stop - start) / len(words) / 2)
    # As many as there can be; what is not written to takes no memory.
    texts, runs = np.empty(_RUNS * len(words), np.uint32), np.empty(_RUNS * len(words), np.uint64)
    stored = 0
    for start, stop in chunks(words, cancel):
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
        text, run = text[place < _RUNS], run[place < _RUNS]
        texts[stored : stored + len(text)], runs[stored : stored + len(text)] = text, run
        stored += len(text)
        indexed((stop - start) / len(words) / 2)
    return texts[:stored], runs[:stored]


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
