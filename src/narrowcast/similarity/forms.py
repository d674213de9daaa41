"""The normal forms of many texts: each form once, and which of them a text has."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narrowcast.core.progress import UNSTOPPABLE, CancelToken, stoppable
from narrowcast.similarity.shingles import words_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Forms:
    """What `words_of` makes of texts.

    Attributes:
        unique: each form once, ascending: an order that does not depend on that of the texts, and in which
            similar ones tend to be neighbours.
        of: by text, the place of its form.
        first: by form, the number of the first text that has it.
    """

    unique: Sequence[str]
    of: NDArray[np.int32]
    first: NDArray[np.int32]

    def groups(self) -> list[list[int]]:
        """Texts with equal forms, two and more, by their numbers."""
        import numpy as np

        order = np.argsort(self.of, kind="stable")
        counts = np.bincount(self.of, minlength=len(self.unique))
        starts = np.cumsum(counts) - counts
        several = np.flatnonzero(counts > 1)
        return [
            order[start : start + count].tolist()
            for start, count in zip(starts[several].tolist(), counts[several].tolist(), strict=True)
        ]


class FormsBuilder:
    """Takes texts one after the other; none of them is kept."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._of = array("i")
        self._first = array("i")

    def add(self, text: str) -> None:
        """The next text."""
        known = self._known
        number = known.setdefault(words_of(text), len(known))
        if number == len(self._first):
            self._first.append(len(self._of))
        self._of.append(number)

    def forms(self) -> Forms:
        """Those of all texts; the builder is empty then."""
        import numpy as np

        unique = list(self._known)
        self._known = {}
        order = sorted(range(len(unique)), key=unique.__getitem__)
        places = np.empty(len(unique), np.int32)
        places[order] = np.arange(len(unique), dtype=np.int32)
        of, first = (np.array(each, np.int32) for each in (self._of, self._first))
        return Forms([unique[number] for number in order], places[of], first[order])


def forms_of(texts: Iterable[str], cancel: CancelToken = UNSTOPPABLE) -> Forms:
    """The normal forms of texts.

    Raises:
        CancelledError: on request.
    """
    builder = FormsBuilder()
    for text in stoppable(texts, cancel):
        builder.add(text)
    return builder.forms()
