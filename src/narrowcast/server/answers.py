"""What a request asks, as it was measured, and the pieces of an answer, whatever kind of model gives it.

With a task (from the bundle) the task's handler builds the prompt, so a lone user message gets the system
prompt of training. Without a task the file is an ordinary chat model, or a classifier of whatever is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from narrowcast.core.message import Message
from narrowcast.core.prediction import PromptRequest
from narrowcast.ops.serve import Served
from narrowcast.server.asked import prompt_of
from narrowcast.server.protocol import ChatRequest
from narrowcast.tasks import handler_for

CLASSIFIER = "classifier"
"""How a model answers that reads the last user message alone."""
DEFAULT_TOKENS = 256

CallsIn = Callable[[str], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer; the last one carries `finish` and the token counts."""

    text: str = ""
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    """Function calls, in OpenAI's form."""
    finish: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a request will be answered."""

    prompt: PromptRequest
    answered_by: str
    """`label_trie`, `generation` or `classifier`."""
    system_prompt: str
    """`added` (the task's), `kept` (the client's), `ignored` (by a classifier) or `none`."""
    calls_in: CallsIn | None = None
    """Reads calls in the answer, where the request has tools; the answer is then given as a whole."""


def plan(request: ChatRequest, served: Served, answered_by: Callable[[PromptRequest], str]) -> Plan:
    """Decide how to answer.

    Args:
        request: of a client.
        served: the model, with its task where it has one.
        answered_by: how this kind of model answers a prompt.

    Raises:
        ApiError: 400, as `prompt_of`.
    """
    prompt = prompt_of(request, served, request.token_limit or DEFAULT_TOKENS)
    calls_in = handler_for(served.task).calls_in if request.tools and served.task else None
    how = answered_by(prompt)
    return Plan(prompt, how, _system_prompt(request, prompt.messages, reads=how != CLASSIFIER), calls_in)


def _system_prompt(request: ChatRequest, prompt: tuple[Message, ...], *, reads: bool) -> str:
    if any(turn.role in ("system", "developer") for turn in request.messages):
        return "kept" if reads else "ignored"
    if not reads:
        return "none"
    return "added" if prompt[0].role == "system" else "none"


def label_delta(
    text: str, logprobs: Mapping[str, float], request: ChatRequest, prompt_tokens: int, completion_tokens: int
) -> Delta:
    """A label as one delta; its probability over the label set stands as a single token's."""
    entries = []
    if request.logprobs:
        ranked = sorted(logprobs.items(), key=lambda item: -item[1])[: request.top_logprobs or 0]
        top = [log_entry(label.encode(), score) for label, score in ranked]
        entries = [{**log_entry(text.encode(), logprobs[text]), "top_logprobs": top}]
    return Delta(
        text=text,
        logprobs=entries,
        finish="stop",
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
    )


def log_entry(raw: bytes, score: float) -> dict[str, Any]:
    """A token with its log-probability, in OpenAI's form."""
    return {
        "token": raw.decode("utf-8", "replace"),
        "logprob": score if math.isfinite(score) else -9999.0,
        "bytes": list(raw),
    }
