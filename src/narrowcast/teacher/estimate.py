"""What calls would cost, said before the first of them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from narrowcast.core.progress_lines import duration
from narrowcast.teacher.call import Call
from narrowcast.teacher.settings import Price
from narrowcast.teacher.store import answer_seconds

_CHARACTERS_PER_TOKEN = 4  # of English text; for estimates alone


class CostEstimate(BaseModel):
    """What a run would cost; the bound is certain, the expectation a guess."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    calls: int
    expected_tokens: int
    expected_cost: float | None
    bound_tokens: int
    """The most these calls can use; caps are held against such bounds."""
    bound_cost: float | None
    expected_seconds: float | None = None
    """From the answers that the project has of this model; None where there are none."""
    concurrency: int = 1

    @property
    def sentence(self) -> str:
        """Calls, tokens, money and time in words."""
        expected, bound = _money(self.expected_cost), _money(self.bound_cost)
        time = "time not known before the first answers of this model"
        if self.expected_seconds is not None:
            time = f"about {duration(self.expected_seconds)}, {self.concurrency} calls at a time"
        tokens = f"about {self.expected_tokens:,} tokens{expected}, at most {self.bound_tokens:,}{bound}"
        return f"{self.calls:,} calls, {tokens}; {time}"


def expected_cost(
    calls: Sequence[Call], answer_tokens: int, price: Price | None, concurrency: int, store: Path
) -> CostEstimate:
    """What these calls would cost, if their answers came to `answer_tokens` tokens in all.

    Args:
        calls: all of one model.
        answer_tokens: expected, of all answers together.
        price: of the tokens.
        concurrency: calls under way at a time.
        store: of earlier answers, by which the time is judged.
    """
    taken = answer_seconds(store, calls[0].model if calls else "")
    rounds = -(-len(calls) // concurrency)
    characters = sum(len(message.content) for call in calls for message in call.messages)
    prompt = characters // _CHARACTERS_PER_TOKEN
    bounds = sum(call.prompt_bound for call in calls), sum(call.completion_bound for call in calls)
    return CostEstimate(
        calls=len(calls),
        expected_tokens=prompt + answer_tokens,
        expected_cost=price.of(prompt, answer_tokens) if price else None,
        bound_tokens=sum(bounds),
        bound_cost=price.of(*bounds) if price else None,
        expected_seconds=rounds * statistics.median(taken) if taken else None,
        concurrency=concurrency,
    )


def _money(cost: float | None) -> str:
    return "" if cost is None else f" ({cost:,.4f} in your currency)"
