"""The part of OpenAI's chat protocol that is served. What is not honoured is refused, never passed over.

A field that is null, or has a value that asks for nothing (`tools: []`, `tool_choice: "none"`), is
accepted: clients send such fields by default, and send the server's own reply back with `refusal: null`.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from narrowcast.core.message import Message, Role
from narrowcast.server.errors import ApiError, unsupported

# field → values that ask for nothing beyond what is served; with tools, fewer do
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "logit_bias": ({},),
    "store": (False,),
    "metadata": ({},),
    "modalities": (["text"],),
    "service_tier": ("auto", "default"),
}
_NEUTRAL_WITH_TOOLS = {**_NEUTRAL, "tool_choice": ("auto",), "parallel_tool_calls": (True,)}
_NEUTRAL_IN_TURN: dict[str, tuple[Any, ...]] = {"tool_calls": ([],), "annotations": ([],), "refusal": ("",)}


class TextPart(BaseModel):
    """A text part of a message; other kinds are refused."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["text"]
    text: str


class CalledFunction(BaseModel):
    """A function with the JSON text of its arguments."""

    model_config = ConfigDict(extra="forbid")

    name: str
    arguments: str


class ToolCall(BaseModel):
    """A call of an earlier turn."""

    model_config = ConfigDict(extra="ignore")  # a streamed call has its index

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatTurn(BaseModel):
    """One message; calls and results of tools are for models that were measured with them."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> ChatTurn:
        if self.content is None and not (self.role == "assistant" and self.tool_calls):
            raise ValueError("a message needs content")
        return self

    @property
    def text(self) -> str:
        """The content, its parts joined."""
        parts = self.content or ""
        return parts if isinstance(parts, str) else "".join(part.text for part in parts)

    def message(self) -> Message:
        """The turn as a message; `developer` is today's word for `system`."""
        role: Role = "system" if self.role == "developer" else self.role
        return Message(role, self.text)

    def plain(self) -> dict[str, Any]:
        """The turn as rows of training data hold it."""
        calls = {"tool_calls": [each.model_dump() for each in self.tool_calls]} if self.tool_calls else {}
        return {**self.message().to_dict(), **calls}


class Function(BaseModel):
    """What a tool does, and its parameters as a JSON Schema; arguments are not forced into it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: Literal[False] | None = None


class Tool(BaseModel):
    """A function that may be called."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["function"]
    function: Function


class StreamOptions(BaseModel):
    """Extras of a stream."""

    model_config = ConfigDict(extra="forbid")

    include_usage: bool = False
    include_obfuscation: bool = False


class ResponseFormat(BaseModel):
    """Only plain text: an exported file writes the form it was trained on."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["text"] = "text"


class ChatRequest(BaseModel):
    """`POST /v1/chat/completions`. Temperature is 0 unless asked for: greedy, as it was measured."""

    model_config = ConfigDict(extra="forbid")

    model: str
    messages: list[ChatTurn] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = Field(None, ge=0)
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    n: Literal[1] | None = None
    tools: list[Tool] | None = None
    contexts: list[str] | None = Field(None, description="Passages, for a model that answers from them.")
    response_format: ResponseFormat | None = None
    frequency_penalty: Literal[0] | None = None
    presence_penalty: Literal[0] | None = None
    user: str | None = None

    @property
    def stops(self) -> list[str]:
        """Texts that end the answer and are not part of it."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [stop for stop in stops if stop]

    @property
    def token_limit(self) -> int | None:
        """The newer field wins."""
        return self.max_completion_tokens or self.max_tokens

    def conversation(self) -> list[Message]:
        """The messages."""
        return [turn.message() for turn in self.messages]


def parse_request(body: bytes) -> ChatRequest:
    """Read a request body.

    Raises:
        ApiError: 400, naming the first field that is wrong or not supported.
    """
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"the body is not JSON: {error}", code="invalid_json") from error
    if not isinstance(value, dict):
        raise ApiError(400, "the body must be a JSON object", code="invalid_json")
    try:
        request = ChatRequest.model_validate(_asked(value), strict=False)
    except ValidationError as error:
        raise _refusal(error) from error
    if request.top_logprobs and not request.logprobs:
        raise ApiError(400, "top_logprobs needs logprobs: true", param="top_logprobs")
    if len(request.stops) > 4:  # OpenAI's own bound
        raise ApiError(400, "at most four stop sequences", param="stop")
    return request


def _asked(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what asks for nothing."""
    fields = _without(body, _NEUTRAL_WITH_TOOLS if body.get("tools") else _NEUTRAL)
    messages = fields.get("messages")
    if isinstance(messages, list):
        fields["messages"] = [
            _without(turn, _NEUTRAL_IN_TURN) if isinstance(turn, dict) else turn for turn in messages
        ]
    return fields


def _without(fields: dict[str, Any], neutral: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    return {
        name: value
        for name, value in fields.items()
        if value is not None and not any(_same(value, each) for each in neutral.get(name, ()))
    }


def _same(value: Any, neutral: Any) -> bool:
    return type(value) is type(neutral) and bool(value == neutral)


def _refusal(error: ValidationError) -> ApiError:
    first = error.errors(include_url=False, include_context=False)[0]
    param = ".".join(str(part) for part in first["loc"])
    if first["type"] in ("extra_forbidden", "literal_error"):
        return unsupported(param, f"{param} is not supported here: {first['msg']}")
    return ApiError(400, f"{param}: {first['msg']}", param=param, code="invalid_value")
