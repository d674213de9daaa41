"""Conversations in rows: chat logs, and tool calling where functions stand beside them or are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import ShapeHypothesis
from narrowcast.stages.import_.introspect.signs import aside, base_name, by_name, lists_of, named, with_split
from narrowcast.stages.import_.mapping.chat_messages_passthrough import reply_turns
from narrowcast.stages.import_.mapping.engine import is_good
from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.turn_forms import asked_and_answered
from narrowcast.stages.import_.mapping.turns import (
    CONTENT_KEYS,
    ROLE_NAMES,
    USED_KEYS,
    Turn,
    read_turns,
    role_of,
    spoken_list,
    turn_list,
    with_system,
)

MESSAGE_NAMES = (
    "messages", "conversations", "conversation", "dialog", "dialogue", "turns", "chat", "utterances",
    "contents",
)  # fmt: skip
# Of lists of texts, which only their name tells from other lists: "turns" may be several questions of a user.
_PLAIN_NAMES = ("conversations", "conversation", "dialog", "dialogue", "chat", "messages", "data")
_WORDS = 2.5  # on average, of texts that are said and not listed
_TOOL_NAMES = ("tools", "functions", "function", "tool_config")
_CALL_NAMES = ("tool_calls", "ground_truth", "calls", "answers", "answer", "expected_calls")
_SYSTEM_NAMES = ("system", "system_prompt", "system_message", "system_instruction", "system_instructions")
_REPLY_NAMES = (
    "completion", "response", "reply", "ideal", "expected_output", "output", "message", "answer", "target",
)  # fmt: skip
_RATING_NAMES = (
    "label", "rating", "thumbs", "thumbs_up", "thumb", "vote", "upvoted", "feedback", "liked", "like", "good",
    "is_good", "is_correct", "correct", "accepted", "helpful", "desirable", "kto_tag", "preference", "score",
    "reward", "quality", "weight",
)  # fmt: skip


_MOST_RATINGS = 4  # different ways to write good and bad


def conversations(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A list of turns with roles and texts."""
    column = _turns_column(profile) or _plain_column(profile)
    if column is None:
        return
    read = _read(column)
    closed = sum(bool(turns) and turns[-1].role == "assistant" for turns in read)
    reply = _reply_column(profile, column) if not closed else None
    share = 1.0 if reply is not None else closed / len(column.examples)
    warnings = ["rows that do not end with the assistant will be rejected"] * (share < 1)
    confidence = 0.55 + (0.33 if column.share("string") > 0.9 and _is_spoken(column) else 0.4) * share
    calling = sum(any(turn.calls for turn in turns) for turns in read)
    if calling:
        confidence = min(confidence, 0.6)
        warnings.insert(0, f"{calling} of {len(column.examples)} conversations call functions, which a chat "
                           "does not learn: tool_calls_passthrough does")  # fmt: skip
    field_map = {"messages": column.name, **system_role(profile)}
    field_map |= {"reply": reply.name} if reply is not None else {}
    unrated = rate(profile, field_map)
    others = [
        each.name
        for each in profile.top_level()
        if each is not column
        and each is not reply
        and _holds_turns(each.examples)
        and not _is_copied(profile, column, each)
    ]
    if others:
        confidence = min(confidence, 0.75)
        warnings.insert(0, f"the conversation could also be {', '.join(others)}")
    yield ShapeHypothesis(
        shape="conversations",
        mapper_id="chat_messages_passthrough",
        task_profile="chat",
        field_map=with_split(profile, field_map),
        confidence=round(min(confidence, 0.75) if unrated else confidence, 2),
        rationale=f"{column.name!r} lists {_form(column)}; {share:.0%} end with the assistant",
        warnings=[*unrated, *warnings, *_carried(column), *aside(profile, *field_map.values())],
    )


def _reply_column(profile: Profile, messages: Column) -> Column | None:
    """The column of the replies to conversations that end with a question."""
    for name in _REPLY_NAMES:
        column = named(profile, name)
        if column is None or column is messages or column.name.startswith(f"{messages.name}."):
            continue
        replies = [_replied(example) for example in column.examples]
        if replies and sum(replies) >= 0.9 * len(replies):
            return column
    return None


def _is_spoken(column: Column) -> bool:
    """Whether a column holds transcripts; a table may have their parts in columns of their own as well."""
    return not any(str(example).lstrip().startswith("[") for example in column.examples)


def _replied(example: Any) -> bool:
    try:
        turns = reply_turns(example)
    except RejectRow:
        return False
    return bool(turns) and all(turn.role == "assistant" for turn in turns)


def _is_copied(profile: Profile, column: Column, other: Column) -> bool:
    """Whether what another column of turns says is said in this one as well."""
    for row in profile.drawn:
        try:
            turns = read_turns(row.get(column.name))
            others = read_turns(row.get(other.name))
        except RejectRow:
            continue
        if not {each.content for each in others} <= {each.content for each in turns}:
            return False
    return True


def tool_calls(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Questions with function definitions, the calls that are wanted, or both."""
    tools = named(profile, *_TOOL_NAMES)
    turns = _turns_column(profile)
    question = turns or named(profile, "question", "query", "prompt", "instruction")
    others = (c for c in by_name(profile, _CALL_NAMES) if base_name(c) not in _TOOL_NAMES)
    calls = next((c for c in others if _holds_calls(c)), None)
    inside = turns is not None and any(turn.calls for each in _read(turns) for turn in each)
    if question is None or (tools is None and calls is None and not inside):
        return
    field_map = {"messages": question.name, **system_role(profile)}
    field_map |= {"tools": tools.name} if tools is not None else {}
    field_map |= {"calls": calls.name} if calls is not None else {}
    unrated = rate(profile, field_map)
    warnings = [
        "no column has the expected calls: every row would be rejected as missing_calls. If "
        "another file has them: join:LOCATOR+LOCATOR?on=id; if no function is to be called: "
        "--map unanswered=no_call",
    ] * (calls is None and not inside)
    warnings += ["no column defines the functions; their names cannot be checked"] * (tools is None)
    confidence = 0.6 if calls is None and not inside else 0.82 if tools is None else 0.96
    warnings += _carried(question) if turns is not None else []
    yield ShapeHypothesis(
        shape="conversations with tools",
        mapper_id="tool_calls_passthrough",
        task_profile="tool_calling",
        field_map=with_split(profile, field_map),
        confidence=min(confidence, 0.75) if unrated else confidence,
        rationale=_reason(question, tools, calls, inside=inside),
        warnings=[*unrated, *warnings, *aside(profile, *field_map.values())],
    )


def system_role(profile: Profile) -> dict[str, str]:
    """`{"system": COLUMN}` where a column of texts, or of their parts, is named as one."""
    column = named(profile, *_SYSTEM_NAMES)
    if column is None:
        return {}
    if column.share("string") > 0.9 or all(_is_system(example) for example in column.examples):
        return {"system": column.name}
    return {}


def _is_system(example: Any) -> bool:
    try:
        return bool(with_system([], example))
    except RejectRow:
        return False


def rate(profile: Profile, field_map: dict[str, str]) -> list[str]:
    """Add the column that says whether answers are good to a field map; a doubt where it cannot be read."""
    used = set(field_map.values())
    for column in profile.top_level():
        if base_name(column) not in _RATING_NAMES or not column.filled or column.name in used:
            continue
        if not column.share("string", "number", "boolean"):
            continue
        ratings = [is_good(_value(value)) for value in column.values]
        if column.distinct == 1 and ratings != [False]:
            continue  # every row has the same rating, so it says nothing
        if column.distinct is not None and len(ratings) <= _MOST_RATINGS and None not in ratings:
            field_map["rating"] = column.name
            return []
        return [
            f"{column.name!r} may say how good an answer is, or how much it counts, and is not used: keep "
            "the good ones with --where"
        ]
    return []


def is_rated(profile: Profile) -> bool:
    """Whether the columns are those of rated answers alone: prompt, completion and label."""
    names = {base_name(column) for column in profile.top_level() if column.filled}
    return names == {"prompt", "completion", "label"} and "rating" in _rated(profile)


def _rated(profile: Profile) -> dict[str, str]:
    field_map: dict[str, str] = {}
    rate(profile, field_map)
    return field_map


def _value(counted: Any) -> Any:
    """Numbers and booleans are counted as their texts, `1.0` among them."""
    text = str(counted)
    return text.removesuffix(".0")


def _reason(question: Column, tools: Column | None, calls: Column | None, *, inside: bool) -> str:
    parts = [f"{question.name!r} asks"]
    parts += (
        ["its turns call functions, each call and each reply a row of its own"]
        if inside and not calls
        else []
    )
    parts += [f"{tools.name!r} defines functions"] if tools is not None else []
    parts += [f"{calls.name!r} holds calls"] if calls is not None else []
    return ", ".join(parts)


def _turns_column(profile: Profile) -> Column | None:
    return next((c for c in by_name(profile, MESSAGE_NAMES) if _holds_turns(c.examples)), None)


def _plain_column(profile: Profile) -> Column | None:
    """A column of lists of texts, or of pairs of them, that take turns."""
    for name in _PLAIN_NAMES:
        column = named(profile, name)
        if column is None or not lists_of(column) or _holds_turns(column.examples):
            continue
        turns = [turn for each in _read(column) for turn in each]
        words = sum(len(turn.content.split()) for turn in turns)
        if turns and words > _WORDS * len(turns) and len(_read(column)) == len(column.examples):
            return column
    return None


def _form(column: Column) -> str:
    if _holds_turns(column.examples):
        return "turns with a role and a text"
    return "texts that take turns, the user's first"


def _listed(example: Any) -> list[Any]:
    try:
        return turn_list(example)
    except RejectRow:
        return []


def _spoken(example: Any) -> list[Any]:
    try:
        return spoken_list(example)
    except RejectRow:
        return []


def _read(column: Column) -> list[list[Turn]]:
    """The turns of the examples that can be read."""
    conversations: list[list[Turn]] = []
    for example in column.examples:
        try:
            conversations.append(read_turns(example))
        except RejectRow:
            continue
    return conversations


def _holds_turns(examples: list[Any]) -> bool:
    listed = [_listed(example) for example in examples]
    turns = [turn for each in listed for turn in each]
    fitting = sum(isinstance(turn, Mapping) and _is_turn(turn) for turn in turns)
    return bool(turns) and all(listed) and fitting >= 0.9 * len(turns)


def _is_turn(turn: Mapping[str, Any]) -> bool:
    if isinstance(turn.get("replies"), list):
        return False  # a tree of messages, not a conversation
    if role_of(turn) is None and asked_and_answered(turn) is not None:
        return True
    calls = turn.get("tool_calls") or turn.get("function_call")
    return role_of(turn) in ROLE_NAMES and bool(calls or any(key in turn for key in CONTENT_KEYS))


def _carried(column: Column) -> list[str]:
    """A warning that names what turns hold beside a role, words, calls and a weight."""
    held = Counter(
        key
        for example in column.examples
        for turn in _spoken(example)
        if isinstance(turn, Mapping)
        for key, value in turn.items()
        if key not in USED_KEYS and value not in (None, "", [], {})
    )
    spoken = sum(bool(turn.calls and turn.content.strip()) for each in _read(column) for turn in each)
    warnings = [f"turns also hold {', '.join(sorted(held)[:8])}: not used"] * bool(held)
    return warnings + [f"{spoken} calls of the sample are introduced in words: not learned"] * bool(spoken)


def _holds_calls(column: Column) -> bool:
    """Lists of `{name, arguments}`, of `{name: {argument: values}}`, of Python calls, or their JSON text."""
    fitting = sum(_looks_like_calls(example) for example in column.examples)
    return bool(column.examples) and fitting >= 0.9 * len(column.examples)


def _looks_like_calls(value: Any) -> bool:
    if isinstance(value, str):
        written = '"name"' in value and '"arguments"' in value
        return written and not any(isinstance(turn, Mapping) and _is_turn(turn) for turn in _listed(value))
    if not isinstance(value, list):
        return False
    flat = [each for item in value for each in (item if isinstance(item, list) else [item])]
    return bool(flat) and all(_is_call(each) for each in flat)


def _is_call(value: Any) -> bool:
    if isinstance(value, str):
        return value.endswith(")") and value.partition("(")[0].replace(".", "_").isidentifier()
    if not isinstance(value, Mapping):
        return False
    inner = value.get("function") if isinstance(value.get("function"), Mapping) else value
    if isinstance(inner, Mapping) and {"name", "arguments"} <= inner.keys():
        return True
    return len(value) == 1 and isinstance(next(iter(value.values())), Mapping)
