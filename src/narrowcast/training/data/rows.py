"""Examples to token rows, through the task handler and the chat template. Nothing is truncated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.ledger import StageLedger
from narrowcast.models.chat import IGNORED, render_completion, render_training
from narrowcast.tasks.base import TaskHandler


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One row as the model sees it.

    Attributes:
        example_id: which example it was.
        ids: prompt and completion.
        prompt_length: tokens before the completion; loss is on the rest.
        rejected: of a preference pair, the completion that was not preferred; else empty.
    """

    example_id: str
    ids: list[int]
    prompt_length: int
    rejected: tuple[int, ...] = ()

    @property
    def completion_length(self) -> int:
        """Tokens that carry loss."""
        return len(self.ids) - self.prompt_length + len(self.rejected)

    @property
    def size(self) -> int:
        """Tokens, each side of a pair with its prompt."""
        return sum(len(side.ids) for side in self.sides())

    def sides(self) -> list[TokenRow]:
        """The row itself; of a pair the preferred answer and the other, each behind the prompt."""
        if not self.rejected:
            return [self]
        other = [*self.ids[: self.prompt_length], *self.rejected]
        return [
            TokenRow(self.example_id, self.ids, self.prompt_length),
            TokenRow(self.example_id, other, self.prompt_length),
        ]


@dataclass(slots=True)
class TokenRows:
    """Rows that can be trained on, and how many could not, by reason."""

    rows: list[TokenRow] = field(default_factory=list)
    rejected: dict[str, int] = field(default_factory=dict)
    rejected_ids: dict[str, list[str]] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """All tokens."""
        return sum(row.size for row in self.rows)

    @property
    def loss_tokens(self) -> int:
        """Tokens that carry loss."""
        return sum(row.completion_length for row in self.rows)

    @property
    def longest(self) -> int:
        """Tokens of the longest row, both sides of a pair together; 0 where there is none."""
        return max((row.size for row in self.rows), default=0)

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
) -> TokenRows:
    """Render rows; one longer than `max_length` is left out and counted as `over_length`.

    Args:
        examples: rows of one split.
        handler: writes the conversation.
        tokenizer: with a chat template.
        max_length: in tokens, prompt and completion together.
        each: called after each row (progress, cancel).
        pairs: keep both answers of a preference pair; else the preferred one alone.
    """
    found = TokenRows()
    for example in examples:
        ids, labels = render_training(tokenizer, handler.to_messages(example.inputs, example.target))
        prompt_length = sum(label == IGNORED for label in labels)
        rejected = _rejected(example, tokenizer) if pairs else ()
        row = TokenRow(example.id, ids, prompt_length, rejected)
        longest = max(len(side.ids) for side in row.sides())
        reason = (
            "over_length" if longest > max_length else "no_completion" if not row.completion_length else ""
        )
        if reason:
            found.rejected[reason] = found.rejected.get(reason, 0) + 1
            found.rejected_ids.setdefault(reason, []).append(example.id)
        else:
            found.rows.append(row)
        each()
    return found


def _rejected(example: Example, tokenizer: Any) -> tuple[int, ...]:
    pair = example.target if isinstance(example.target, dict) else {}
    return tuple(render_completion(tokenizer, str(pair["rejected"])))
