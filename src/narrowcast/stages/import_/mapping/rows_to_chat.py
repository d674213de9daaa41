"""Messages in rows of their own → conversations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from narrowcast.core.row import SourceRow
from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter, optional_getter, with_value
from narrowcast.stages.import_.mapping.chat_messages_passthrough import REPLIES, ChatMessagesPassthrough
from narrowcast.stages.import_.mapping.engine import is_good
from narrowcast.stages.import_.mapping.held import Held
from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.trees import Message, conversations_of, message_of
from narrowcast.stages.import_.mapping.turns import is_answer


class RowsToChat:
    """Messages are linked by the id of the message that each answers, or by the name of their conversation.

    With ids, messages are trees: each last reply makes a conversation, and those of one tree stay in one
    split. What a user says after the last reply is left out. A message that was deleted or found bad is
    rejected with all that follows it. All messages are held in memory.
    """

    id = "rows_to_chat"
    meaning = "messages in rows of their own, linked by the message they answer or by their conversation"
    profile = "chat"
    partial = frozenset({"unlinked_message", "missing_assistant_reply"})
    roles = (
        Role("text", "what was said"),
        Role("speaker", "who said it: user, assistant, or another name of these roles"),
        Role("thread", "id of the message before, with `id`; else what names the conversation"),
        Role("id", "id of the message", required=False),
        Role("order", "number of the message in its conversation; else rows are in order", required=False),
        Role("deleted", "column that is true where a message was withdrawn", required=False),
        Role("rating", "column that is false where a message was found bad", required=False),
        REPLIES,
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:
        self._path = field_map["text"]
        self._text = getter(self._path)
        self._speaker = getter(field_map["speaker"])
        self._thread = getter(field_map["thread"])
        self._id = optional_getter(field_map, "id")
        self._order = optional_getter(field_map, "order")
        self._deleted = optional_getter(field_map, "deleted")
        self._rating = optional_getter(field_map, "rating")
        self._best = field_map.get("replies") == "best"
        self._messages = self._conversations = 0
        self._chat = ChatMessagesPassthrough({"messages": self._path}, closed)

    def gathered(self, rows: Iterable[SourceRow]) -> Iterator[SourceRow]:
        """One row for each conversation, with the columns of its first message; then unlinked messages."""
        held, good = Held("the messages of a conversation"), []
        for row in rows:
            if row.error is not None:
                yield row
                continue
            held.add(row.data)
            good.append(row)
        self._messages = len(good)
        yield from self._named(good) if self._id is None else self._linked(good)

    def _named(self, rows: list[SourceRow]) -> Iterator[SourceRow]:
        """Rows of one conversation in their order."""
        threads: dict[str, list[SourceRow]] = {}
        for row in rows:
            threads.setdefault(_key(self._thread(row.data)), []).append(row)
        unlinked = threads.pop("", [])
        for each in threads.values():
            turns = [
                {"role": self._speaker(row.data), "content": self._text(row.data)}
                for row in sorted(each, key=self._place)
                if not self._is_bad(row.data)
            ]
            while len(turns) > 1 and not is_answer(turns[-1]):
                turns.pop()
            self._conversations += 1
            yield SourceRow(each[0].index, with_value(each[0].data, self._path, turns))
        yield from unlinked

    def _is_bad(self, data: Mapping[str, Any]) -> bool:
        deleted = self._deleted is not None and is_good(self._deleted(data)) is True
        return deleted or (self._rating is not None and is_good(self._rating(data)) is False)

    def _place(self, row: SourceRow) -> float:
        try:
            return float(self._order(row.data)) if self._order is not None else 0.0
        except (TypeError, ValueError):
            return 0.0

    def _linked(self, rows: list[SourceRow]) -> Iterator[SourceRow]:
        """The conversations of each tree of messages."""
        assert self._id is not None
        messages: dict[str, Message] = {}
        firsts: list[tuple[SourceRow, Message]] = []
        given: list[tuple[SourceRow, str, Message]] = []
        unlinked: list[SourceRow] = []
        for row in rows:
            name = _key(self._id(row.data))
            if not name or name in messages:
                unlinked.append(row)
                continue
            message = message_of(row.data, self._text(row.data), self._speaker(row.data))
            messages[name] = message
            given.append((row, _key(self._thread(row.data)), message))
        for row, parent, message in given:
            if self._is_bad(row.data):
                continue
            if not parent:
                firsts.append((row, message))
            elif parent in messages:
                message.before = messages[parent]
                messages[parent].replies.append(message)
        reached: set[int] = set()
        for row, first in firsts:
            reached |= _below(first)
            several = list(conversations_of(first, best=self._best))
            record = row.index if len(several) > 1 else None
            for turns in several:
                self._conversations += 1
                yield SourceRow(row.index, with_value(row.data, self._path, turns), record=record)
        yield from unlinked
        yield from (row for row, _, message in given if id(message) not in reached)

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """`{"messages": [...]}` without the reply, and the reply."""
        if not isinstance(self._text(data), list):
            raise RejectRow("rated_bad" if self._is_bad(data) else "unlinked_message")
        return self._chat.transform(data)

    def notes(self) -> list[str]:
        """How many conversations the messages made."""
        return [f"{self._messages:,} messages are {self._conversations:,} conversations"]

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return self._chat.task()


def _below(first: Message) -> set[int]:
    """A message and all that follow it."""
    found, waiting = set(), [first]
    while waiting:
        message = waiting.pop()
        found.add(id(message))
        waiting += message.replies
    return found


def _key(value: Any) -> str:
    """A name or number as text; tables write whole numbers as floats where some are empty."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()
