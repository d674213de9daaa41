"""One question to a teacher and its answer; a call is named by its content."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from narrowcast.core.hashing import content_hash
from narrowcast.core.message import Message


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked. Two calls of one content are one call; `sample` tells wanted repetitions apart.

    Attributes:
        model: as the endpoint calls it.
        messages: the conversation.
        parameters: further fields of the request body (temperature, max_tokens, response_format).
        sample: number of the repetition, from 0.
    """

    model: str
    messages: tuple[Message, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    sample: int = 0

    @property
    def key(self) -> str:
        """Content address over everything that decides the answer."""
        return content_hash({**self.body(), "sample": self.sample})

    def body(self) -> dict[str, Any]:
        """The request body of `POST /chat/completions`."""
        return {
            "model": self.model,
            "messages": [message.to_dict() for message in self.messages],
            **self.parameters,
        }

    def to_dict(self) -> dict[str, Any]:
        """For the pipe to the process that asks."""
        return {**asdict(self), "messages": [message.to_dict() for message in self.messages]}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Call:
        """Inverse of `to_dict`."""
        messages = tuple(Message(**each) for each in value["messages"])
        return cls(value["model"], messages, value["parameters"], value["sample"])

    @property
    def prompt_bound(self) -> int:
        """More prompt tokens than this cannot be counted: a token holds at least one byte of text.

        The response format travels as text too; 16 a message stand for what the template adds.
        """
        text = sum(len(message.content.encode()) + 16 for message in self.messages)
        return text + len(str(self.parameters.get("response_format", "")))

    @property
    def completion_bound(self) -> int:
        """The most tokens the answer may have."""
        return int(self.parameters.get("max_completion_tokens") or self.parameters["max_tokens"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as it is stored.

    Attributes:
        text: the assistant's text.
        finish: `stop`, `length` or another word of the endpoint.
        prompt_tokens: as the endpoint counted, else the upper bound.
        completion_tokens: likewise.
        counted: False where the endpoint gave no usage and the tokens are the upper bound.
        seconds: from sending to the whole answer.
        stored: True where it was read from the store and nothing was paid now.
    """

    text: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    counted: bool = True
    seconds: float = 0.0
    stored: bool = False

    @property
    def tokens(self) -> int:
        """Prompt and completion."""
        return self.prompt_tokens + self.completion_tokens
