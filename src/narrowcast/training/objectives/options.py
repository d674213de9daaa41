"""Options of the objectives; only the objective that declares an option reads it."""

from __future__ import annotations

from pydantic import Field

from narrowcast.core.stage import StageOptions


class DpoOptions(StageOptions):
    """Direct preference optimization."""

    beta: float = Field(0.1, gt=0)
    """Beta of DPO: a smaller value lets the model move further from its start."""
