"""A conversation → what was said before, and the assistant's last reply as the target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter, optional_getter, with_value
from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.trees import conversations_in, is_tree
from narrowcast.stages.import_.mapping.turns import Turn, messages_of, read_turns, with_system

REPLIES = Role(
    "replies",
    "which of several replies to a message are learned: all, or best, those of the lowest `rank`",
    required=False,
    literal=True,
    words=("all", "best"),
)


class ChatMessagesPassthrough:
    """The target is the last reply that is to be learned; what follows it is left out.

    Replies before it carry their weight, as training learns every turn of a conversation. Turns that call
    functions are context: this task has no definitions to call by. A tree of replies becomes one conversation
    for each of its last replies; they stay in one split.
    """

    id = "chat_messages_passthrough"
    meaning = "a conversation that ends with the assistant's reply"
    profile = "chat"
    roles = (
        Role("messages", "list of turns, its JSON text, a transcript, or a message with a tree of replies"),
        Role("reply", "the reply, where it is a text or a turn in a column of its own", required=False),
        Role("system", "system prompt that stands beside the conversation", required=False),
        REPLIES,
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._path = field_map["messages"]
        self._messages = getter(self._path)
        self._reply = optional_getter(field_map, "reply")
        self._system = optional_getter(field_map, "system")
        self._best = field_map.get("replies") == "best"

    def records(self, data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """One record for each conversation of a tree of replies; any other record as it is."""
        value = self._messages(data)
        if isinstance(value, list) or not is_tree(value):
            return [data]
        return [with_value(data, self._path, turns) for turns in conversations_in(value, best=self._best)]

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """`{"messages": [...]}` without the reply, and the reply."""
        turns = read_turns(self._messages(data))
        if self._reply is not None:
            turns += reply_turns(self._reply(data))
        if not turns or turns[-1].role != "assistant":
            raise RejectRow("missing_assistant_reply")
        if turns[-1].calls and turns[-1].learned:
            raise RejectRow("missing_assistant_reply", "the last turn calls a function")
        last = max((n for n, turn in enumerate(turns) if turn.learned and not turn.calls), default=None)
        if last is None:
            unwanted = any(turn.role == "assistant" and turn.weight == 0 for turn in turns)
            raise RejectRow("nothing_to_learn" if unwanted else "missing_assistant_reply")
        if turns[-1].weight != 0 and last != len(turns) - 1:
            raise RejectRow("missing_assistant_reply", "the last reply is empty")
        if not any(turn.role == "user" and turn.content.strip() for turn in turns[:last]):
            raise RejectRow("no_valid_turns")
        messages = messages_of(turns[:last], weights=True)
        system = self._system(data) if self._system is not None else None
        return {"messages": with_system(messages, system)}, turns[last].content

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)


def reply_turns(value: Any) -> list[Turn]:
    """A reply that stands apart from what it answers: its text, a turn, or a list of turns.

    Raises:
        RejectRow: `missing_assistant_reply` or `invalid_messages_shape`.
    """
    if isinstance(value, str):
        return [Turn("assistant", value)] if value.strip() else []
    if value is None:
        raise RejectRow("missing_assistant_reply")
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return [Turn("assistant", value[0])]
    return read_turns([value] if isinstance(value, Mapping) else value)
