"""Examples to token rows, through the task handler and the chat template. Nothing is truncated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.ledger import StageLedger
from narrowcast.models.chat import render_completion, render_learned
from narrowcast.models.template import TemplateRefusedError, TemplateTooSlowError
from narrowcast.tasks.base import TaskHandler

_SLOW_ROWS = 5
"""Rows that may take all the time of a rendering before the template is given up."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One row as the model sees it.

    Attributes:
        example_id: which example it was.
        ids: the whole conversation.
        mask: one byte per token, 1 where it carries loss, else 0.
        rejected: of a preference pair, the completion that was not preferred; else empty. The mask of a pair
            is the preferred completion, at the end of the row.
        weights: of the tokens that carry loss, in their order; empty where each counts one.
    """

    example_id: str
    ids: list[int]
    mask: bytes
    rejected: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()

    @classmethod
    def answering(
        cls, example_id: str, ids: list[int], prompt_length: int, rejected: tuple[int, ...] = ()
    ) -> TokenRow:
        """A row with loss on every token after its prompt."""
        mask = bytes(prompt_length) + b"\x01" * (len(ids) - prompt_length)
        return cls(example_id, ids, mask, rejected)

    @property
    def targets(self) -> list[int]:
        """Numbers of the tokens with loss; the first token is never one, as nothing predicts it."""
        return [place for place in compress(range(len(self.ids)), self.mask) if place]

    @property
    def target_weights(self) -> list[float]:
        """The weight of each of `targets`."""
        if not self.weights:
            return [1.0] * len(self.targets)
        return list(self.weights[1:] if self.mask[0] else self.weights)

    @property
    def prompt_length(self) -> int:
        """Tokens before the first with loss."""
        first = self.mask.find(1)
        return len(self.ids) if first < 0 else first

    @property
    def answer_length(self) -> int:
        """Tokens of the last answer."""
        return len(self.mask) - len(self.mask.rstrip(b"\x01"))

    @property
    def loss_tokens(self) -> int:
        """Tokens that carry loss."""
        return self.mask.count(1) + len(self.rejected)

    @property
    def size(self) -> int:
        """Tokens, each side of a pair with its prompt."""
        return sum(len(side.ids) for side in self.sides())

    def sides(self) -> list[TokenRow]:
        """The row itself; of a pair the preferred answer and the other, each after the prompt."""
        if not self.rejected:
            return [self]
        prompt = self.prompt_length
        return [
            TokenRow.answering(self.example_id, side, prompt)
            for side in (self.ids, [*self.ids[:prompt], *self.rejected])
        ]


@dataclass(slots=True)
class TokenRows:
    """Rows that can be trained on, and how many could not, by reason.

    Attributes:
        turns_without_loss: assistant turns before the last that the template renders otherwise in the history
            than it would have when they were generated.
        refusal: what the chat template said of the first row that it refused.
    """

    rows: list[TokenRow] = field(default_factory=list)
    turns_without_loss: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    rejected_ids: dict[str, list[str]] = field(default_factory=dict)
    refusal: TemplateRefusedError | None = None

    @property
    def tokens(self) -> int:
        """All tokens."""
        return sum(row.size for row in self.rows)

    @property
    def loss_tokens(self) -> int:
        """Tokens that carry loss."""
        return sum(row.loss_tokens for row in self.rows)

    @property
    def longest(self) -> int:
        """Tokens of the longest row, both sides of a pair together; 0 where there is none."""
        return max((row.size for row in self.rows), default=0)

    def reject(self, reason: str, example_id: str) -> None:
        """Count a row that is left out."""
        self.rejected[reason] = self.rejected.get(reason, 0) + 1
        self.rejected_ids.setdefault(reason, []).append(example_id)

    def ledger(self, stage: str) -> StageLedger:
        """Rows in, rows out, rejected by reason."""
        kept = len(self.rows)
        return StageLedger(
            stage=stage,
            rows_in=kept + sum(self.rejected.values()),
            rows_out=kept,
            rejected=dict(self.rejected),
        )


def tokenise(
    examples: Sequence[Example],
    handler: TaskHandler,
    tokenizer: Any,
    max_length: int,
    each: Callable[[], None] = lambda: None,
    *,
    pairs: bool = False,
    every_turn: bool = False,
) -> TokenRows:
    """Render rows; one longer than `max_length` is left out and counted as `over_length`, one that the chat
    template refuses or renders without a turn as `template_refused`.

    Args:
        examples: rows of one split.
        handler: writes the conversation.
        tokenizer: with a chat template.
        max_length: in tokens, prompt and completion together.
        each: called after each row (progress, cancel).
        pairs: keep both answers of a preference pair; else the preferred one alone.
        every_turn: learn every turn of the assistant, not the last alone.

    Raises:
        TemplateTooSlowError: if the template took all of its time for several rows.
    """
    rows, slow = TokenRows(), 0
    for example in examples:
        messages = handler.to_messages(example.inputs, example.target)
        try:
            learned = render_learned(tokenizer, messages, every_turn=every_turn)
        except TemplateRefusedError as error:
            rows.reject("template_refused", example.id)
            rows.refusal = rows.refusal or error
            slow += isinstance(error, TemplateTooSlowError)
            if slow == _SLOW_ROWS:
                raise
            each()
            continue
        rows.turns_without_loss += learned.turns_without_loss
        mask = bytes(weight > 0 for weight in learned.weights)
        weights = tuple(compress(learned.weights, mask))
        if all(weight == 1 for weight in weights):
            weights = ()
        rejected = _rejected(example, tokenizer) if pairs else ()
        row = TokenRow(example.id, learned.ids, mask, rejected, weights)
        longest = max(len(side.ids) for side in row.sides())
        reason = "over_length" if longest > max_length else "no_completion" if not row.loss_tokens else ""
        if reason:
            rows.reject(reason, example.id)
        else:
            rows.rows.append(row)
        each()
    return rows


def _rejected(example: Example, tokenizer: Any) -> tuple[int, ...]:
    pair = example.target if isinstance(example.target, dict) else {}
    return tuple(render_completion(tokenizer, str(pair["rejected"])))
