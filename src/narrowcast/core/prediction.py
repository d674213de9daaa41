"""What a model is asked and what it answers, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from narrowcast.core.message import Message


@dataclass(frozen=True, slots=True)
class PromptRequest:
    """One question to a model.

    With `labels` the answer is one of them: the label trie is scored, and the prediction carries exact
    log-probabilities. Without, the answer is generated greedily up to `max_tokens` tokens.

    Attributes:
        inputs: what the messages were rendered from, for models that read fields and no prompt.
        row: id of the row that is asked about, for errors; empty where there is none.
    """

    messages: tuple[Message, ...]
    max_tokens: int = 256
    labels: tuple[str, ...] | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict, compare=False)
    row: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer.

    Attributes:
        text: the answer without special tokens.
        tokens: tokens generated (or scored, for a label set).
        latency_s: seconds for this answer; a batch's time divided by its size where batched.
        logprobs: natural-log probability of each label, normalised over the label set.
        finish: `stop` (the model ended its turn) or `length` (cut at `max_tokens`).
    """

    text: str
    tokens: int = 0
    latency_s: float = 0.0
    logprobs: Mapping[str, float] | None = None
    finish: str = "stop"
