"""Options of the objectives; only the objective that declares an option reads it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from narrowcast.core.stage import StageOptions


class DpoOptions(StageOptions):
    """Direct preference optimization."""

    panel: ClassVar[str] = "Base, method and objective"

    beta: float = Field(0.1, gt=0)
    """How strongly dpo keeps the model near its start; a small value lets it move further."""
