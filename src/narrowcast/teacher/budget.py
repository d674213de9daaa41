"""The spending cap. A request may leave only where even its dearest answer stays under every cap."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.settings import Price
from narrowcast.teacher.store import Spent


@dataclass(frozen=True, slots=True)
class Caps:
    """Upper limits of one run; `cost` needs a price."""

    tokens: int
    cost: float | None = None


DEFAULT_CAPS = Caps(tokens=1_000_000)


class Budget:
    """Reservations and what was really spent. Thread-safe.

    A reservation is the most a call can cost; when the answer comes, what it did cost takes its place.
    """

    def __init__(self, caps: Caps, price: Price | None, spent: Spent) -> None:
        self._caps = caps
        self._price = price
        self._prompt = spent.prompt_tokens + spent.lost_prompt_tokens
        self._completion = spent.completion_tokens + spent.lost_completion_tokens
        self._reserved_prompt = 0
        self._reserved_completion = 0
        self._changed = threading.Condition()
        self.exhausted = False

    @property
    def tokens(self) -> int:
        """Tokens spent, reservations not counted."""
        return self._prompt + self._completion

    @property
    def cost(self) -> float | None:
        """Money spent; None where no price is known."""
        return None if self._price is None else self._price.of(self._prompt, self._completion)

    def reserve(self, call: Call) -> bool:
        """Set the call's worst case aside, waiting for calls under way where that may make room.

        Returns:
            False where the caps leave no room; `exhausted` is then set.
        """
        with self._changed:
            while not self._fits(call):
                if not (self._reserved_prompt or self._reserved_completion):
                    self.exhausted = True
                    return False
                self._changed.wait(timeout=1.0)
            self._reserved_prompt += call.prompt_bound
            self._reserved_completion += call.completion_bound
            return True

    def settle(self, call: Call, answer: Answer | None, *, lost: bool = False) -> None:
        """Replace a reservation by what the answer cost, by nothing, or (lost) by its worst case."""
        with self._changed:
            self._reserved_prompt -= call.prompt_bound
            self._reserved_completion -= call.completion_bound
            if answer is not None:
                self._prompt += answer.prompt_tokens
                self._completion += answer.completion_tokens
            elif lost:
                self._prompt += call.prompt_bound
                self._completion += call.completion_bound
            self._changed.notify_all()

    def _fits(self, call: Call) -> bool:
        prompt = self._prompt + self._reserved_prompt + call.prompt_bound
        completion = self._completion + self._reserved_completion + call.completion_bound
        if prompt + completion > self._caps.tokens:
            return False
        if self._caps.cost is None or self._price is None:
            return True
        return self._price.of(prompt, completion) <= self._caps.cost
