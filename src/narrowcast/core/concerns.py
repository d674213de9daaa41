"""What commands of a project work on, so that those with different concerns can run at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Concern(StrEnum):
    """A part of a project that one command changes at a time."""

    DATA = "data"
    """Imports, cleaned and generated rows, reviews."""
    VERSION = "version"
    """The prepared data set."""
    TRAINING = "training"
    """Training runs and which of them is current."""
    MEASURE = "measure"
    """Evaluations, baselines and verdicts."""
    EXPORT = "export"
    """Exported bundles and their parity."""


@dataclass(frozen=True, slots=True)
class Holds:
    """What a command holds while it works.

    Attributes:
        alone: concerns that it changes; nobody else changes or reads them meanwhile.
        shared: concerns that it reads; others may read them too.
        whole: it changes the project as a whole, and nobody else works on it.
    """

    alone: frozenset[Concern] = frozenset()
    shared: frozenset[Concern] = frozenset()
    whole: bool = False

    def also(self, *alone: Concern) -> Holds:
        """The same, with more concerns of its own."""
        return Holds(self.alone | set(alone), self.shared - set(alone), self.whole)


def holds(*alone: Concern, reads: tuple[Concern, ...] = ()) -> Holds:
    """A command that changes some concerns and reads others."""
    return Holds(frozenset(alone), frozenset(reads))


WHOLE = Holds(whole=True)
ROWS = holds(Concern.DATA)
GENERATION = holds(Concern.DATA, reads=(Concern.VERSION,))
PREPARATION = holds(Concern.DATA, Concern.VERSION)
TRAINING = holds(Concern.TRAINING, reads=(Concern.VERSION,))
MEASUREMENT = holds(Concern.MEASURE, reads=(Concern.VERSION, Concern.EXPORT))
EXPORT = holds(Concern.EXPORT, reads=(Concern.VERSION,))
"""Of the commands that are named so; a stage that declares nothing holds the whole project."""
