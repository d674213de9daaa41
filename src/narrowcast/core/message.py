"""One turn of a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Message:
    """A turn; `content` is kept to the character, white space included."""

    role: Role
    content: str
    weight: float = 1.0
    """How much its tokens count where an assistant's turn is learned; 0 leaves it out."""

    def to_dict(self) -> dict[str, Any]:
        """The form chat templates and the OpenAI protocol take."""
        return {"role": self.role, "content": self.content}
