"""Phases of the run: warm-up, stable, decay (WSD, arXiv:2405.18392's shape), driven by wall time.

A phase's progress is its elapsed training time over its minutes, so a shared machine changes the number of
tokens seen, never the shape of the schedule. The elapsed time is part of the checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: block length in tokens, data mix, loss weight of answers, and learning-rate multipliers."""

    name: str
    block: int
    instruct_share: float
    answer_weight: float
    start: float
    end: float

    @classmethod
    def read(cls, name: str, raw: dict[str, float]) -> Phase:
        """Build from the configuration's entry."""
        return cls(
            name, int(raw["block"]), raw["instruct_share"], raw["answer_weight"], raw["from"], raw["to"]
        )

    def scale(self, progress: float, step: int, warm_up: int) -> float:
        """The learning-rate multiplier at ``progress`` in [0, 1] of this phase and ``step`` of the run."""
        ramp = min(1.0, (step + 1) / warm_up)
        return ramp * (self.start + (self.end - self.start) * min(1.0, progress))
