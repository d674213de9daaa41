"""Texts that are equal but for case and white space, by a hash of each instead of the texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from narrowcast.core.progress import UNSTOPPABLE, CancelToken, stoppable
from narrowcast.similarity.shingles import normalised

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def text_hash(text: str) -> int:
    """Sixty-four bits of a hash of the text's normal form."""
    form = normalised(text).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(form, digest_size=8).digest(), "big")


def equal_groups(hashes: NDArray[np.uint64]) -> list[list[int]]:
    """Two and more texts with equal hashes, by their numbers; groups in the order of their first texts."""
    import numpy as np

    if not len(hashes):
        return []
    order = np.argsort(hashes, kind="stable")
    new = np.ones(len(order), np.bool_)
    new[1:] = hashes[order[1:]] != hashes[order[:-1]]
    starts = np.flatnonzero(new)
    counts = np.diff(np.append(starts, len(order)))
    starts, counts = starts[counts > 1], counts[counts > 1]
    by_first = np.argsort(order[starts])
    places = zip(starts[by_first].tolist(), counts[by_first].tolist(), strict=True)
    return [order[start : start + count].tolist() for start, count in places]


def exact_groups(texts: Sequence[str], cancel: CancelToken = UNSTOPPABLE) -> list[list[int]]:
    """Texts with equal normal forms, two and more; groups in the order of their first texts.

    Raises:
        CancelledError: on request.
    """
    import numpy as np

    return equal_groups(np.fromiter(map(text_hash, stoppable(texts, cancel)), np.uint64, len(texts)))
