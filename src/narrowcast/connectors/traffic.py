"""One line of a traffic log as a conversation.

Known forms, recognised by their fields and not by who wrote them:

    {"request": {...}, "response": {...}}         our server, most proxies; both may sit in a `body`
    {"messages": [...], "response": {...}}        proxies that lift the request's fields (LiteLLM)
    {"messages": [...], "choices": [...]}         stored completions
    {"request_body": "{...}", "response_body": …} gateways that keep bodies as text

A request is a chat (`messages`), a completion (`prompt`) or a response request (`input`, `instructions`); a
response is whole, or the list or text of the chunks of a stream.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_REQUEST = ("request", "request_body", "requestBody", "req", "kwargs")
_RESPONSE = ("response", "response_body", "responseBody", "res", "completion", "output")
_STATUS = ("status", "status_code", "statusCode", "http_status")
_KEPT = ("role", "content", "name", "tool_calls", "tool_call_id")


class TrafficError(ValueError):
    """The line is not an answered request; the text says why."""


def conversation(record: Mapping[str, Any]) -> dict[str, Any]:
    """`{"messages": [… , reply], "model", "id", "time", "finish_reason", "tools"}`.

    Raises:
        TrafficError: for a failed, unanswered or unknown request.
    """
    request = _part(record, _REQUEST) or record
    response = _part(record, _RESPONSE)
    if response is None and ("choices" in record or "error" in record):
        response = record
    _refuse_failure(record, response)
    if response is None:
        raise TrafficError("no response is logged")
    reply, reason = _reply(response)
    whole = response if isinstance(response, Mapping) else {}
    return {
        "messages": [*_messages(request), reply],
        "model": whole.get("model") or request.get("model"),
        "id": whole.get("id") or record.get("id"),
        "time": record.get("time") or record.get("timestamp") or whole.get("created"),
        "finish_reason": reason,
        **({"tools": request["tools"]} if request.get("tools") else {}),
    }


def _part(record: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    value = next((record[name] for name in names if record.get(name) is not None), None)
    value = _parsed(value)
    return _parsed(value["body"]) if isinstance(value, Mapping) and value.get("body") is not None else value


def _parsed(value: Any) -> Any:
    """Bodies kept as text; the text of an event stream becomes the list of its chunks."""
    if not isinstance(value, str):
        return value
    try:
        if value.lstrip().startswith("data:"):
            chunks = [line[5:].strip() for line in value.splitlines() if line.startswith("data:")]
            return [json.loads(each) for each in chunks if each and each != "[DONE]"]
        return json.loads(value)
    except ValueError as error:
        raise TrafficError(f"a logged body is not JSON: {error}") from error


def _refuse_failure(record: Mapping[str, Any], response: Any) -> None:
    outer = record.get("response")
    places = [record, *(each for each in (outer, response) if isinstance(each, Mapping))]
    for place in places:
        status = next((place[name] for name in _STATUS if isinstance(place.get(name), int)), 200)
        if status >= 400:
            raise TrafficError(f"the request failed with status {status}")
        if place.get("error"):
            error = place["error"]
            text = error.get("message", error) if isinstance(error, Mapping) else error
            raise TrafficError(f"the request failed: {str(text)[:200]}")


def _messages(request: Any) -> list[dict[str, Any]]:
    if not isinstance(request, Mapping):
        raise TrafficError("no request is logged")
    messages = request.get("messages")
    if isinstance(messages, list) and messages and all(isinstance(each, Mapping) for each in messages):
        return [_kept(each) for each in messages]
    if isinstance(request.get("prompt"), str):
        return [{"role": "user", "content": request["prompt"]}]
    question = request.get("input")
    system = request.get("instructions")
    before = [{"role": "system", "content": system}] if isinstance(system, str) else []
    if isinstance(question, str):
        return [*before, {"role": "user", "content": question}]
    if isinstance(question, list) and question and all(isinstance(each, Mapping) for each in question):
        return [*before, *(_kept({**each, "content": _text(each.get("content"))}) for each in question)]
    raise TrafficError("the request has no messages, prompt or input")


def _kept(message: Mapping[str, Any]) -> dict[str, Any]:
    return {name: message[name] for name in _KEPT if message.get(name) is not None}


def _reply(response: Any) -> tuple[dict[str, Any], str | None]:
    if isinstance(response, list):
        return _joined(response)
    if not isinstance(response, Mapping):
        raise TrafficError("the response is not an object")
    choices = response.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        choice = choices[0]
        message = choice.get("message")
        turn = _kept(message) if isinstance(message, Mapping) else {"content": choice.get("text")}
        reason = choice.get("finish_reason")
    else:
        output = response.get("output")
        items = output if isinstance(output, list) else []
        texts = [_text(each.get("content")) for each in items if _is_message(each)]
        turn, reason = {"content": "".join(texts)}, response.get("status")
    if not turn.get("content") and not turn.get("tool_calls"):
        raise TrafficError("the response has no reply")
    return {**turn, "role": "assistant"}, reason


def _is_message(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "message"


def _text(content: Any) -> str:
    """Text of a content that is text or a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(each.get("text") or "") for each in parts if isinstance(each, Mapping))


def _joined(chunks: list[Any]) -> tuple[dict[str, Any], str | None]:
    """The reply that the chunks of a stream spell; tool calls in pieces are not put together."""
    text, reason = [], None
    for chunk in chunks:
        choices = chunk.get("choices") if isinstance(chunk, Mapping) else None
        for choice in choices if isinstance(choices, list) else []:
            if not isinstance(choice, Mapping) or choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            if delta.get("tool_calls"):
                raise TrafficError("the stream has a tool call in pieces; log the whole response instead")
            text.append(str(delta.get("content") or choice.get("text") or ""))
            reason = choice.get("finish_reason") or reason
    if not any(text):
        raise TrafficError("the response has no reply")
    return {"role": "assistant", "content": "".join(text)}, reason
