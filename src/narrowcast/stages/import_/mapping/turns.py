"""Conversations in the forms they come in → turns with a role, words, calls and a weight.

Known forms of a list: a list, its JSON text or Python's way of writing it, a transcript, the text that a
template makes of turns, an object of parallel lists, and those of `turn_forms`.
Known forms of a turn: `{"role", "content"}` and the other names of these keys; a content of parts; calls
under `tool_calls` or `function_call`, as a turn of their own (`function_call`, answered by `observation`), as
parts (`tool_use`, `toolUse`, `functionCall` and their results), between `<tool_call>` marks or behind
`<functioncall>`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from narrowcast.stages.import_.mapping.calls import read_calls
from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.spoken import function_call, spoken_turns
from narrowcast.stages.import_.mapping.turn_forms import named_turns
from narrowcast.stages.import_.mapping.written import written

# Where a turn keeps who spoke and what was said: OpenAI's, ShareGPT's and chat logs' names.
ROLE_KEYS = ("role", "from", "speaker", "author", "sender")
CONTENT_KEYS = ("content", "value", "text", "utterance", "message", "parts")
WEIGHT_KEYS = ("weight", "train", "trainable", "loss", "learn")
_WEIGHTS = frozenset(WEIGHT_KEYS)

# What a turn may carry beside these is not used; introspection names it.
USED_KEYS = frozenset(
    {*ROLE_KEYS, *CONTENT_KEYS, *WEIGHT_KEYS, "tool_calls", "function_call", "tool_call_id", "id", "type"}
)

# OpenAI's, ShareGPT's and spoken names of the roles.
ROLE_NAMES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "customer": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "agent": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "chatgpt": "assistant",
    "chatbot": "assistant",
    "support": "assistant",
    "operator": "assistant",
    "client": "user",
    "caller": "user",
    "function_call": "assistant",
    "tool_call": "assistant",
    "tool_calls": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
    "tool_response": "tool",
    "tool_result": "tool",
    "ipython": "tool",
}
_SPEAK = frozenset(ROLE_NAMES)
_CALL_ROLES = frozenset({"function_call", "tool_call", "tool_calls"})
_MARKED_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_DECIMAL = re.compile(r"\d+(?:\.\d*)?")
_TEXT_PARTS = frozenset({"text", "input_text", "output_text", "refusal"})
_CALL_PARTS = ("tool_use", "toolUse", "functionCall", "function_call")
_ARGUMENT_KEYS = ("input", "args", "arguments")  # of calls that are parts
_RESULT_PARTS = ("tool_result", "toolResult", "functionResponse", "function_response")
_THOUGHTS = frozenset({"thinking", "redacted_thinking", "reasoning"})


# Not frozen: a frozen one takes three times as long to build, and imports build several for each row.
@dataclass(slots=True)
class Turn:
    """One turn.

    Attributes:
        calls: as the source writes them; `calls.read_calls` reads them.
        weight: as the source gives it; None where it gives none. 0 is not to be learned.
        place: number of the source's turn that it ends with.
    """

    role: str
    content: str
    calls: tuple[Any, ...] = ()
    weight: float | None = None
    place: int = 0

    @property
    def learned(self) -> bool:
        """Whether it is an answer of the assistant's that its source does not exclude from learning."""
        return self.role == "assistant" and self.weight != 0 and bool(self.calls or self.content.strip())


def role_of(value: Mapping[str, Any]) -> str | None:
    """The source's name of the role in lower case, with underscores."""
    role = first_of(value, ROLE_KEYS)
    return normal_role(role) if isinstance(role, str) else None


def is_answer(turn: Mapping[str, Any]) -> bool:
    """Whether the assistant speaks."""
    return ROLE_NAMES.get(role_of(turn) or "") == "assistant"


@lru_cache(maxsize=256)
def normal_role(name: str) -> str:
    """In lower case, with underscores."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def first_of(value: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """What stands under the first of the keys that has something."""
    for key in keys:
        content = value.get(key)
        if content is not None:
            return content
    return None


def turn_list(value: Any) -> list[Any]:
    """The list of a source's turns, unread.

    Raises:
        RejectRow: `invalid_messages_shape`.
    """
    if isinstance(value, str):
        value = _from_text(value)
    if isinstance(value, Mapping):
        value = _rows_of_lists(value)
    if not isinstance(value, list):
        raise RejectRow("invalid_messages_shape", f"found {type(value).__name__}")
    return value


def _from_text(text: str) -> Any:
    """Turns from JSON text, or from the text of a conversation; any other text as it is."""
    value = written(text)
    if not isinstance(value, str):
        return value
    turns = spoken_turns(value)
    return value if turns is None else turns


def _rows_of_lists(value: Mapping[str, Any]) -> Any:
    """`{"role": [...], "content": [...]}` as a list of turns; anything else as it is."""
    columns = {key: each for key, each in value.items() if isinstance(each, list)}
    if not columns or len(columns) < len(value) or len({len(each) for each in columns.values()}) != 1:
        return value
    return [dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)]


def spoken_list(value: Any) -> list[Any]:
    """The list of a source's turns with a role for each, where the list itself says them.

    Raises:
        RejectRow: `invalid_messages_shape`.
    """
    return named_turns(turn_list(value), _SPEAK)


def read_turns(value: Any) -> list[Turn]:
    """Turns in order; calls in several turns of the assistant's with nothing between them are one turn.

    Raises:
        RejectRow: `invalid_messages_shape`.
    """
    turns: list[Turn] = []
    for place, each in enumerate(spoken_list(value)):
        for turn in _turns(each, place):
            last = turns[-1] if turns else None
            if last is not None and _continues(last, turn):
                turns[-1] = replace(last, calls=(*last.calls, *turn.calls), place=place)
            else:
                turns.append(turn)
    return turns


def _continues(last: Turn, turn: Turn) -> bool:
    both_call = bool(last.calls and turn.calls) and not turn.content.strip()
    return both_call and last.role == turn.role and last.weight == turn.weight


def _turns(value: Any, place: int) -> list[Turn]:
    """The turns that one of the source's holds: results of tools come before what is said beside them."""
    if not isinstance(value, (dict, Mapping)):  # a dict is recognised ten times as fast
        raise RejectRow("invalid_messages_shape", f"a turn is {type(value).__name__}")
    named = role_of(value)
    role = ROLE_NAMES.get(named or "")
    if role is None:
        raise RejectRow("invalid_messages_shape", f"unknown role {str(named)[:40]!r}")
    content = first_of(value, CONTENT_KEYS)
    calls = _own_calls(value)
    marked = isinstance(content, str) and ("<tool_call>" in content or "<functioncall>" in content)
    if isinstance(content, str) and not calls and named not in _CALL_ROLES and not marked:
        return [Turn(role, content, (), _weight(value), place)]
    results: list[str] = []
    if named in _CALL_ROLES and not calls:
        calls, content = _listed(content), None
    elif isinstance(content, list) and role != "tool":
        content, inside, results = _parts(content)
        calls += inside
    elif isinstance(content, str) and role == "assistant" and marked:
        content, inside = _marked_calls(content)
        calls += inside
    answers = [Turn("tool", each, place=place) for each in results]
    if results and not calls and not content:
        return answers
    text = _text(content, role, has_calls=bool(calls))
    return [*answers, Turn(role, text, tuple(calls), _weight(value), place)]


def _marked_calls(content: str) -> tuple[str, list[Any]]:
    """The words and the calls of a content that holds marks of calls."""
    call = function_call(content)
    if call is not None:
        return call[0], [call[1]]
    calls = [call for block in _MARKED_CALL.findall(content) for call in _listed(block)]
    return _MARKED_CALL.sub("", content).strip(), calls


def _own_calls(value: Mapping[str, Any]) -> list[Any]:
    if value.get("tool_calls"):
        return _listed(value["tool_calls"])
    return _listed(value["function_call"]) if value.get("function_call") else []


def _listed(value: Any) -> list[Any]:
    """Calls as a list: of a list, of one call, or of the text of either."""
    if isinstance(value, str):
        value = written(value)
    if value is None or value == "":
        raise RejectRow("invalid_call", "a turn that calls names no function")
    return list(value) if isinstance(value, list) else [value]


def _text(content: Any, role: str, *, has_calls: bool) -> str:
    if isinstance(content, str):
        return content
    if role == "tool":
        return "" if content is None else json.dumps(content, ensure_ascii=False)
    if content is None and has_calls:
        return ""
    raise RejectRow("invalid_messages_shape", f"a turn of {role} has no text")


def _parts(parts: Sequence[Any]) -> tuple[str | None, list[Any], list[str]]:
    """Words (None where there are none), calls and results of tools in a list of parts."""
    words: list[str] = []
    calls: list[Any] = []
    results: list[str] = []
    for part in parts:
        if isinstance(part, str):
            words.append(part)
            continue
        if not isinstance(part, Mapping):
            raise RejectRow("invalid_messages_shape", f"a part of a turn is {type(part).__name__}")
        kind = str(part.get("type") or _unnamed_kind(part))
        if kind in _TEXT_PARTS and isinstance(text := part.get("text", part.get("refusal")), str):
            words.append(text)
        elif kind in _CALL_PARTS:
            call = part if kind == "tool_use" else _inner(part, kind)
            given = (call.get(key) for key in _ARGUMENT_KEYS)
            calls.append({"name": call.get("name"), "arguments": next(filter(None, given), {})})
        elif kind in _RESULT_PARTS:
            result = part if kind == "tool_result" else _inner(part, kind)
            results.append(_result(result.get("content", result.get("response"))))
        elif kind not in _THOUGHTS:
            raise RejectRow(
                "invalid_messages_shape", f"a part of type {kind[:40]!r} holds something else than text"
            )
    return "\n".join(words) if words else None, calls, results


def _inner(part: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The object under the key that names the kind of a part."""
    inner = part.get(kind)
    if not isinstance(inner, Mapping):
        raise RejectRow("invalid_messages_shape", f"a part of type {kind} has no object of this name")
    return inner


def _unnamed_kind(part: Mapping[str, Any]) -> str:
    """The kind of a part that is named by its key alone, as Gemini's and Bedrock's are."""
    named = (*_CALL_PARTS, *_RESULT_PARTS)
    return next((key for key in named if isinstance(part.get(key), Mapping)), "text")


def _result(content: Any) -> str:
    if isinstance(content, list):
        if len(content) == 1 and isinstance(content[0], Mapping) and "json" in content[0]:
            return json.dumps(content[0]["json"], ensure_ascii=False)
        return _parts(content)[0] or ""
    return _text(content, "tool", has_calls=False)


def _weight(value: Mapping[str, Any]) -> float | None:
    for key in () if _WEIGHTS.isdisjoint(value) else WEIGHT_KEYS:
        weight = _number(value.get(key))
        if isinstance(weight, bool) or (key == "weight" and isinstance(weight, int | float) and weight >= 0):
            return weight if isinstance(weight, float) else int(weight)
    return None


def _number(value: Any) -> Any:
    """A number or boolean that is written as a text, as tables write them; anything else as it is."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text in ("true", "false"):
        return text == "true"
    return float(text) if _DECIMAL.fullmatch(text) else value


def messages_of(turns: Sequence[Turn], *, weights: bool = False) -> list[dict[str, Any]]:
    """Turns as `{"role", "content", "weight"?}`; calls are written as answers of a tool-calling task are.

    Args:
        turns: what was said.
        weights: keep the weights, for a task that learns every turn; it never learns calls.

    Raises:
        RejectRow: `invalid_call`.
    """
    messages = []
    for turn in turns:
        content = turn.content
        if turn.calls:
            content = "\n".join(part for part in (content.strip(), _written(turn.calls)) if part)
        message: dict[str, Any] = {"role": turn.role, "content": content}
        weight = 0 if turn.calls else turn.weight
        messages.append(message if weight is None or not weights else {**message, "weight": weight})
    return messages


def _written(calls: Sequence[Any]) -> str:
    plain = [{"name": call["name"], "arguments": call["arguments"]} for call in read_calls(list(calls), {})]
    return json.dumps(plain, ensure_ascii=False)


def _system_text(value: Any) -> Any:
    """The words of a system prompt of parts, or of a turn of its own; anything else as it is."""
    if isinstance(value, Mapping):
        value = first_of(value, CONTENT_KEYS)
    if isinstance(value, list) and all(isinstance(each, str | Mapping) for each in value):
        return _parts(value)[0]
    return value


def with_system(messages: list[dict[str, Any]], system: Any) -> list[dict[str, Any]]:
    """The turns behind a system turn; one of the conversation's own follows in the same turn.

    Raises:
        RejectRow: `text_not_a_string`.
    """
    system = _system_text(system)
    if system is None or (isinstance(system, str) and not system.strip()):
        return messages
    if not isinstance(system, str):
        raise RejectRow("text_not_a_string", f"the system prompt is {type(system).__name__}")
    own = messages[0]["content"] if messages and messages[0]["role"] == "system" else None
    if own is None:
        return [{"role": "system", "content": system}, *messages]
    text = system if own.strip() == system.strip() else f"{system}\n\n{own}"
    return [{"role": "system", "content": text}, *messages[1:]]
