"""A conversation → what was said before, and the assistant's last reply as the target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter
from narrowcast.stages.import_.mapping.reasons import RejectRow

# Where a turn keeps who spoke and what was said: OpenAI's, ShareGPT's and chat logs' names.
ROLE_KEYS = ("role", "from", "speaker", "author", "sender")
CONTENT_KEYS = ("content", "value", "text", "utterance", "message")

# OpenAI's, ShareGPT's and spoken names of the roles.
_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "customer": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "agent": "assistant",
    "model": "assistant",
    "tool": "tool",
}


class ChatMessagesPassthrough:
    """Turns are `{"role", "content"}`, `{"from", "value"}` or `{"speaker", "text"}`; their text is kept."""

    id = "chat_messages_passthrough"
    meaning = "a conversation that ends with the assistant's reply"
    profile = "chat"
    roles = (Role("messages", "list of turns"),)

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._messages = getter(field_map["messages"])

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """`{"messages": [...]}` without the last reply, and that reply."""
        turns = read_turns(self._messages(data))
        if not turns or turns[-1]["role"] != "assistant" or not turns[-1]["content"].strip():
            raise RejectRow("missing_assistant_reply")
        if not any(turn["role"] == "user" and turn["content"].strip() for turn in turns[:-1]):
            raise RejectRow("no_valid_turns")
        return {"messages": turns[:-1]}, turns[-1]["content"]

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)


def read_turns(value: Any) -> list[dict[str, Any]]:
    """Turns in order as `{"role", "content", "weight"?}`, the weight as OpenAI's fine-tuning files have it.

    Raises:
        RejectRow: `invalid_messages_shape`.
    """
    if not isinstance(value, list):
        raise RejectRow("invalid_messages_shape", f"found {type(value).__name__}")
    return [_turn(each) for each in value]


def _turn(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise RejectRow("invalid_messages_shape", f"a turn is {type(value).__name__}")
    role = next((value[key] for key in ROLE_KEYS if key in value), None)
    content = next((value[key] for key in CONTENT_KEYS if key in value), None)
    known = _ROLES.get(str(role).lower())
    if known is None:
        raise RejectRow("invalid_messages_shape", f"unknown role {str(role)[:40]!r}")
    if not isinstance(content, str):
        raise RejectRow("invalid_messages_shape", f"a turn of {role} has no text")
    turn = {"role": known, "content": content}
    weight = value.get("weight")
    return {**turn, "weight": weight} if isinstance(weight, int | float) and weight >= 0 else turn
