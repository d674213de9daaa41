"""What a batch costs: seconds from what is computed.

Time of forward and backward of a batch:

    t = batch + token * T + padded_pair * P + packed_pair * Q + piece * N

with T tokens through the linear layers (fillers too), P pairs of query and key in a padded batch (rows x
length^2), Q pairs in the pieces of a packed one, N pieces. Logits are the same in every layout. The costs are
measured once a run and belong to its recipe: with them the layout of a batch is a function of its rows alone,
so a resumed or repeated run makes the same choices.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel, Field


class Work(NamedTuple):
    """What a batch computes: T, P, Q and N of the module."""

    tokens: int
    padded_pairs: int
    packed_pairs: int
    pieces: int


class Costs(BaseModel):
    """Seconds of forward and backward, by what is computed."""

    batch: float = Field(ge=0)
    token: float = Field(ge=0)
    padded_pair: float = Field(ge=0)
    packed_pair: float = Field(ge=0)
    piece: float = Field(ge=0)

    def seconds(self, work: Work) -> float:
        """Of a batch."""
        return (
            self.batch
            + self.token * work.tokens
            + self.padded_pair * work.padded_pairs
            + self.packed_pair * work.packed_pairs
            + self.piece * work.pieces
        )
