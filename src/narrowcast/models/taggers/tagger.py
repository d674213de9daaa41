"""A fitted tagger: tables of weights, and the spans it answers with, whoever computed its scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from narrowcast.models.encoders.tokens import IDS, MASK, batches
from narrowcast.models.predictors.json_answer import answer_text
from narrowcast.models.taggers.tags import likeliest, spans_of, tag_names
from narrowcast.models.taggers.windows import ReadText, Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

Compute = Callable[[dict[str, Any]], Any]
"""From a batch, by name of the input, to a table of shape (windows, tokens, tags)."""
SURFACE = "surfaces"
"""Name of the input that says how the word of each token is written."""


@dataclass(frozen=True, slots=True)
class TokenTagger:
    """Scores of tags from the states of an encoder.

    Attributes:
        kinds: of spans; each has two tags.
        weight: of shape (dimensions, tags), float32.
        bias: of shape (tags,), float32.
        surface: of shape (surfaces + 1, dimensions), float32; added to the embeddings of tokens.
    """

    kinds: tuple[str, ...]
    weight: Floats
    bias: Floats
    surface: Floats

    @property
    def size_bytes(self) -> int:
        """Of the weights."""
        return self.weight.nbytes + self.bias.nbytes + self.surface.nbytes


def batch_of(windows: Sequence[Window]) -> dict[str, Integers]:
    """Arrays of shape (windows, tokens) by name of the input, padded behind the mask."""
    import numpy as np

    longest = max(len(each.ids) for each in windows)
    arrays = {name: np.zeros((len(windows), longest), np.int64) for name in (IDS, MASK, SURFACE)}
    for row, window in enumerate(windows):
        size = len(window.ids)
        arrays[IDS][row, :size] = window.ids
        arrays[MASK][row, :size] = 1
        arrays[SURFACE][row, :size] = window.surfaces
    return arrays


def word_tables(read: Sequence[ReadText], tags: int, compute: Compute) -> list[Floats]:
    """Of each text a table of shape (words, tags)."""
    import numpy as np

    tables = [np.zeros((len(each.words), tags), np.float32) for each in read]
    windows = [(text, window) for text, each in enumerate(read) for window in each.windows]
    for chosen in batches([len(window.ids) for _, window in windows]):
        computed = compute(batch_of([windows[number][1] for number in chosen]))
        for row, number in enumerate(chosen):
            text, window = windows[number]
            tables[text][window.words] = computed[row, window.places]
    return tables


def span_answer(text: str, read: ReadText, table: Floats, kinds: Sequence[str]) -> str:
    """The answer of the task, in JSON: the texts of the spans by kind, as they first occur."""
    grouped: dict[str, list[str]] = {}
    for kind, start, end in spans_of(read.words, likeliest(table), kinds):
        grouped.setdefault(kind, []).append(text[start:end])
    return answer_text(grouped)


def tags_count(kinds: Sequence[str]) -> int:
    """How many tags there are."""
    return len(tag_names(kinds))
