"""Training blocks read in order from the encoded streams (the corpus files are shuffled already)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from encode import ANSWER_BIT
from torch import Tensor


class Stream:
    """One encoded stream with a cursor; ``aligned`` streams begin each block at a document's start.

    Several documents share a block and attend to each other across ``<|endoftext|>``. In an aligned stream
    the cut rest of a block's last document is skipped if short, continued in the next block if long.
    """

    def __init__(self, path: Path, aligned: bool) -> None:
        self.tokens = np.memmap(path, dtype=np.uint16, mode="r")
        self.aligned = aligned
        self.cursor = 0
        self.epoch = 0

    def block(self, length: int) -> np.ndarray:
        """The next ``length + 1`` tokens, flags included."""
        if self.cursor + 2 * length + 1 > len(self.tokens):
            self.cursor, self.epoch = 0, self.epoch + 1
        block = np.asarray(self.tokens[self.cursor : self.cursor + length + 1])
        self.cursor += length
        if self.aligned:
            rest = np.flatnonzero(self.tokens[self.cursor : self.cursor + length // 2] == 0)
            if len(rest):
                self.cursor += int(rest[0]) + 1
        return block


class Mixture:
    """Draws batches of blocks from the two streams at a given share of instruct blocks."""

    def __init__(self, work: Path, seed: int) -> None:
        self.streams = {
            "text": Stream(work / "text.bin", False),
            "instruct": Stream(work / "instruct.bin", True),
        }
        self.random = np.random.default_rng(seed)

    def batch(self, rows: int, length: int, share: float, answer: float) -> tuple[Tensor, Tensor, Tensor]:
        """Ids, targets (int64) and loss weights (fp32), each (rows, length)."""
        kinds = np.arange(rows) < int(share * rows + self.random.random())
        blocks = np.stack([self.streams["instruct" if k else "text"].block(length) for k in kinds])
        ids = torch.from_numpy((blocks & (ANSWER_BIT - 1)).astype(np.int64))
        weights = 1 + (answer - 1) * (blocks[:, 1:] >= ANSWER_BIT).astype(np.float32)
        return ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), torch.from_numpy(weights)

    def state_dict(self) -> dict[str, Any]:
        """Cursors and the generator's state."""
        cursors = {name: (s.cursor, s.epoch) for name, s in self.streams.items()}
        return {"cursors": cursors, "random": self.random.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` gave."""
        for name, (cursor, epoch) in state["cursors"].items():
            self.streams[name].cursor, self.streams[name].epoch = cursor, epoch
        self.random.bit_generator.state = state["random"]
