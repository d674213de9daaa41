"""A request as the inputs of the served task: its conversation, tools and passages, as rows had them.

Turns and tools are read by the code that read the rows of the training data, so that calls, results of tools
and definitions are written in the prompt as they were there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.prediction import PromptRequest
from narrowcast.ops.serve import Served
from narrowcast.server.errors import ApiError, unsupported
from narrowcast.server.protocol import ChatRequest
from narrowcast.stages.import_.mapping.calls import read_tools
from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.turns import messages_of, read_turns
from narrowcast.tasks import handler_for
from narrowcast.tasks.base import TaskHandler
from narrowcast.tasks.prompt import request_for


def prompt_of(request: ChatRequest, served: Served, limit: int) -> PromptRequest:
    """The question to the model.

    Args:
        request: of a client.
        served: the model, with its task where it has one.
        limit: longest answer in tokens.

    Raises:
        ApiError: 400 for what the model was not measured with, or a conversation that asks nothing.
    """
    handler = handler_for(served.task) if served.task else None
    fields = _fields(request, handler)
    if handler is None or "tools" not in handler.request_fields:
        _require_words(request)
        if request.messages[-1].role != "user":
            raise _wrong("messages", "the last message must be the user's")
        messages = request.conversation()
        if handler is None:
            return PromptRequest(tuple(messages), max_tokens=limit)
        turns = [message.to_dict() for message in messages]
    else:
        turns = _turns(request)
    try:
        inputs = handler.request_inputs(turns, fields, served.inputs)
    except ValueError as error:
        param = next(iter(sorted(handler.request_fields)), "messages")
        raise unsupported(param, str(error)) from error
    return request_for(handler, inputs, max_tokens=limit)


def _fields(request: ChatRequest, handler: TaskHandler | None) -> Mapping[str, Any]:
    """What stands beside the conversation, in the form that rows have."""
    tools = [tool.model_dump(exclude_none=True) for tool in request.tools or ()]
    given = {name: each for name, each in (("tools", tools), ("contexts", request.contexts)) if each}
    for name in given:
        if handler is None or name not in handler.request_fields:
            what = handler.spec.profile if handler else "chat"
            raise unsupported(name, f"{name} is not supported here: the model is served for {what}")
    if "tools" in given:
        try:
            return {**given, "tools": read_tools(given["tools"])}
        except RejectRow as error:
            raise _wrong("tools", f"a tool has no name: {error.detail}") from error
    return given


def _require_words(request: ChatRequest) -> None:
    """Refuse calls and their results where they are no part of the task."""
    for number, turn in enumerate(request.messages):
        if turn.tool_calls:
            raise unsupported(f"messages.{number}.tool_calls", "this model was not measured with tool calls")
        if turn.role == "tool":
            raise unsupported(f"messages.{number}.role", "this model was not measured with results of tools")


def _turns(request: ChatRequest) -> list[dict[str, Any]]:
    if request.messages[-1].role not in ("user", "tool"):
        raise _wrong("messages", "the last message must be the user's, or the result of a tool")
    try:
        return messages_of(read_turns([turn.plain() for turn in request.messages]))
    except RejectRow as error:
        raise _wrong("messages", f"a turn cannot be read: {error.reason} {error.detail}") from error


def _wrong(param: str, message: str) -> ApiError:
    return ApiError(400, message, param=param, code="invalid_value")
