"""Texts to tokens as a sentence encoder reads them, and token rows to batches; neither needs torch.

The tokenizer is read from `tokenizer.json` itself, so that the same text has the same tokens here, in an
exported file and elsewhere. Texts are sorted by length and put into batches of about equal numbers of
tokens, so that little is spent on padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

IDS, MASK = "input_ids", "attention_mask"
"""What transformers calls these inputs."""
_TOKENS_PER_BATCH = 4096  # padding included
_MAX_BATCH = 256  # texts


@dataclass(frozen=True, slots=True)
class Reading:
    """What is done to a text before it is tokenised, and how much of it is read.

    Attributes:
        prompt: stands before each text; mostly nothing.
        lowered: texts are put in lower case.
        longest: tokens of a text that are read.
    """

    prompt: str
    lowered: bool
    longest: int


class TextTokens:
    """Tokenises texts.

    Args:
        tokenizer: the text of `tokenizer.json`.
        reading: of the encoder.

    Raises:
        ValueError: if the library cannot read the tokenizer.
    """

    def __init__(self, tokenizer: str, reading: Reading) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_str(tokenizer)
        except Exception as error:  # the library raises a bare Exception for a damaged file
            raise ValueError(str(error)) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(reading.longest)
        self._reading = reading

    def of(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text."""
        prompted = [self._reading.prompt + text for text in texts]
        read = [text.lower() for text in prompted] if self._reading.lowered else prompted
        return [each.ids for each in self._tokenizer.encode_batch_fast(read)]


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Row numbers by length; padded to its longest text, a batch holds at most `_TOKENS_PER_BATCH` tokens."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and ((len(batch) + 1) * lengths[row] > _TOKENS_PER_BATCH or len(batch) == _MAX_BATCH):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def padded(rows: Sequence[Sequence[int]]) -> tuple[Integers, Integers]:
    """Token ids and mask of shape (rows, longest); the id of padding does not matter behind the mask."""
    import numpy as np

    longest = max(1, *(len(row) for row in rows))
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return ids, mask
