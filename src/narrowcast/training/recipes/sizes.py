"""Learning rates by the size of the base: data in `sizes.yaml`, read once and validated."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict


class SizeRates(BaseModel):
    """Peak learning rates for bases of about this size.

    Attributes:
        parameters: of the base they were measured or published for.
        full: where all weights are trained.
        adapter: where LoRA, DoRA or QLoRA is.
        source: where the values come from.
    """

    model_config = ConfigDict(extra="forbid")

    parameters: int
    full: float
    adapter: float
    source: str

    def rate(self, method: str) -> float:
        """The peak learning rate of a method."""
        return self.full if method == "full" else self.adapter


@cache
def size_rates() -> list[SizeRates]:
    """Every size, in the order of the file: the smallest first."""
    import yaml

    text = files("narrowcast.training.recipes").joinpath("sizes.yaml").read_text(encoding="utf-8")
    return [SizeRates.model_validate(entry) for entry in yaml.safe_load(text)["sizes"]]


def rates_for(parameters: int) -> SizeRates:
    """The rates of the nearest size, by ratio; a value between two lines would have the source of neither."""
    return min(size_rates(), key=lambda each: abs(math.log(each.parameters / parameters)))
