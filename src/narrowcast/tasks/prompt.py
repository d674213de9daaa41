"""How inputs become a conversation; shared by the handlers, so that all tasks render alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from narrowcast.core.example import Target
from narrowcast.core.message import Message
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import PromptRequest
from narrowcast.tasks.base import TaskHandler


def user_text(inputs: Mapping[str, Any]) -> str:
    """The user's turn: `text` as it is, otherwise one `name: value` block a field, in their order."""
    if set(inputs) == {"text"}:
        return str(inputs["text"])
    return "\n\n".join(f"{name}: {_plain(value)}" for name, value in inputs.items())


def conversation(instruction: str, inputs: Mapping[str, Any], answer: str | None) -> list[Message]:
    """System turn (where there is an instruction), the input, and the answer where one is given.

    `inputs["messages"]` is a conversation already; it keeps its own system turn where it has one.
    """
    if "messages" in inputs:
        messages = [
            Message(turn["role"], turn["content"], float(turn.get("weight", 1)))
            for turn in inputs["messages"]
        ]
    else:
        messages = [Message("user", user_text(inputs))]
    if instruction and not any(message.role == "system" for message in messages):
        messages.insert(0, Message("system", instruction))
    if answer is not None:
        messages.append(Message("assistant", answer))
    return messages


def missing_input(inputs: Mapping[str, Any]) -> bool:
    """True where there is nothing to ask about."""
    if "messages" in inputs:
        return not inputs["messages"]
    return not any(_plain(value).strip() for value in inputs.values())


def request_for(
    handler: TaskHandler,
    inputs: Mapping[str, Any],
    *,
    target: Target | None = None,
    max_tokens: int = 256,
    row: str = "",
) -> PromptRequest:
    """The question to a model: the one way evaluation, parity and serving ask it.

    A closed label set makes it a choice (label-trie scoring), as does a preference pair, whose two answers
    `target` holds; anything else is a greedy generation.
    """
    return PromptRequest(
        messages=tuple(handler.to_messages(inputs)),
        max_tokens=max_tokens,
        labels=_label_set(handler, target),
        inputs=inputs,
        row=row,
    )


def _label_set(handler: TaskHandler, target: Target | None) -> tuple[str, ...] | None:
    if handler.answer is AnswerKind.PREFERENCE and isinstance(target, dict):
        return target["chosen"], target["rejected"]
    return tuple(handler.spec.labels) if handler.spec.labels else None


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
