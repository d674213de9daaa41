"""What asking an endpoint may cost: options that every stage has which asks one."""

from __future__ import annotations

from pydantic import Field, model_validator

from narrowcast.core.stage import StageOptions
from narrowcast.teacher.budget import DEFAULT_CAPS, Caps
from narrowcast.teacher.settings import Price


class SpendingOptions(StageOptions):
    """Prices and caps."""

    price_prompt: float | None = Field(None, ge=0)
    """Price of an endpoint per million prompt tokens, in the currency of the cap."""

    price_completion: float | None = Field(None, ge=0)
    """Price of an endpoint per million completion tokens, in the currency of the cap."""

    cap_cost: float | None = Field(None, gt=0)
    """Maximum cost of what an endpoint is asked, resumed runs included; needs both prices."""

    cap_tokens: int = Field(DEFAULT_CAPS.tokens, gt=0)
    """Maximum number of tokens of an endpoint, prompts and completions, resumed runs included."""

    @model_validator(mode="after")
    def _prices_belong_together(self) -> SpendingOptions:
        prices = (self.price_prompt, self.price_completion)
        if None in prices and prices != (None, None):
            raise ValueError("price_prompt and price_completion are given together or not at all")
        if self.cap_cost is not None and None in prices:
            raise ValueError("cap_cost needs price_prompt and price_completion")
        return self

    @property
    def price(self) -> Price | None:
        """The prices given; None counts tokens alone."""
        if self.price_prompt is None or self.price_completion is None:
            return None
        return Price(prompt=self.price_prompt, completion=self.price_completion)

    @property
    def caps(self) -> Caps:
        """What may be spent."""
        return Caps(tokens=self.cap_tokens, cost=self.cap_cost)
