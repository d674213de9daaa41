"""Messages that several messages may answer → conversations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from narrowcast.stages.import_.mapping.turns import CONTENT_KEYS, ROLE_NAMES, first_of, normal_role, role_of


@dataclass(slots=True, eq=False)
class Message:
    """A message with the messages that answer it.

    Attributes:
        rank: 0 for the best of several replies; None where nobody ranked them.
        answers: the role is the assistant's.
    """

    role: Any
    content: Any
    answers: bool
    rank: float | None = None
    replies: list[Message] = field(default_factory=list)
    before: Message | None = None


def conversations_of(root: Message, *, best: bool) -> Iterator[list[dict[str, Any]]]:
    """The conversations of a tree, one for each last reply of the assistant's; each reply is learned once.

    A reply that an earlier conversation teaches has the weight 0 in those that share it. A tree without a
    reply of the assistant's is one conversation, which ends with the question.

    Args:
        root: the first message.
        best: leave out replies of the assistant's that rank below another one.
    """
    taught: set[int] = set()
    waiting, none = [root], True
    while waiting:
        message = waiting.pop()
        replies = _best(message.replies) if best else message.replies
        if replies:
            waiting += reversed(replies)
            continue
        path = _path(message)
        while len(path) > 1 and not path[-1].answers:
            path.pop()
        if not path[-1].answers or id(path[-1]) in taught:
            continue
        none = False
        yield [_turn(each, learned=id(each) not in taught) for each in path]
        taught.update(id(each) for each in path if each.answers)
    if none:
        yield [_turn(root, learned=True)]


def _best(replies: list[Message]) -> list[Message]:
    ranks = [each.rank for each in replies if each.answers and each.rank is not None]
    return [each for each in replies if not ranks or not each.answers or each.rank == min(ranks)]


def _path(message: Message) -> list[Message]:
    path = [message]
    while message.before is not None:
        message = message.before
        path.append(message)
    return path[::-1]


def _turn(message: Message, *, learned: bool) -> dict[str, Any]:
    turn = {"role": message.role, "content": message.content}
    return turn if learned or not message.answers else {**turn, "weight": 0}


def is_tree(value: Any) -> bool:
    """Whether it is a message with the list of its replies."""
    return isinstance(value, Mapping) and isinstance(value.get("replies"), list) and _is_message(value)


def conversations_in(value: Mapping[str, Any], *, best: bool) -> list[list[dict[str, Any]]]:
    """The conversations of a message with replies, which may have replies; see `conversations_of`.

    A message that was deleted or did not pass its review is left out with its replies; so is what is none.
    """
    root = message_of(value, first_of(value, CONTENT_KEYS), role_of(value))
    waiting: list[tuple[Message, Any]] = [(root, value)]
    while waiting:
        message, given = waiting.pop()
        replies = given.get("replies")
        for each in replies if isinstance(replies, list) else ():
            if isinstance(each, Mapping) and _is_message(each) and _is_kept(each):
                reply = message_of(each, first_of(each, CONTENT_KEYS), role_of(each), message)
                message.replies.append(reply)
                waiting.append((reply, each))
    return list(conversations_of(root, best=best))


def message_of(data: Mapping[str, Any], content: Any, role: Any, before: Message | None = None) -> Message:
    """A message, with its rank among the replies to the one before."""
    name = normal_role(role) if isinstance(role, str) else ""
    rank = data.get("rank")
    ranked = isinstance(rank, int | float) and not isinstance(rank, bool)
    answers = ROLE_NAMES.get(name) == "assistant"
    return Message(
        role, content, answers, float(rank) if ranked and rank is not None else None, before=before
    )


def _is_message(value: Mapping[str, Any]) -> bool:
    return role_of(value) in ROLE_NAMES and isinstance(first_of(value, CONTENT_KEYS), str)


def _is_kept(value: Mapping[str, Any]) -> bool:
    return value.get("deleted") is not True and value.get("review_result") is not False
