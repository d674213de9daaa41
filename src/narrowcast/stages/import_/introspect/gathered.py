"""Conversations and pairs of several rows, and rows of several conversations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from narrowcast.core.row import SourceRow
from narrowcast.stages.import_.introspect.dialogues import MESSAGE_NAMES, rate, system_role
from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import ShapeHypothesis
from narrowcast.stages.import_.introspect.signs import aside, base_name, named, text_columns, with_split
from narrowcast.stages.import_.mapping.rated_to_preference import RatedToPreference
from narrowcast.stages.import_.mapping.trees import is_tree
from narrowcast.stages.import_.mapping.turns import ROLE_KEYS, ROLE_NAMES, normal_role

_TEXTS = ("text", "content", "message", "utterance", "value", "body", "msg")
_BEFORE = ("parent", "reply", "previous", "prev", "before", "answers")  # parts of names
_THREADS = (
    "conversation_id", "conversation", "conv_id", "dialog_id", "dialogue_id", "dialog", "dialogue",
    "thread_id", "thread", "session_id", "session", "chat_id", "chat", "call_id", "ticket_id",
)  # fmt: skip
_PLACES = (
    "turn", "turn_id", "turn_index", "turn_idx", "turn_number", "message_index", "position", "order", "index",
    "seq", "sequence", "step",
)  # fmt: skip
_PROMPTS = ("prompt", "instruction", "question", "query")
_ANSWERS = ("completion", "response", "output", "answer", "generation", "reply")
_LINKED = 0.8  # of the messages that name one before them
_OWN = 0.95  # least different ids to their number
_REPEATED = 0.75  # most different prompts to their number


def trees(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Messages with their replies inside them."""
    for column in profile.top_level():
        if column.examples and all(map(is_tree, column.examples)):
            field_map = {"messages": column.name, **system_role(profile)}
            ranked = _best_of_several(any(map(_is_ranked, column.examples)))
            yield ShapeHypothesis(
                shape="trees of messages",
                mapper_id="chat_messages_passthrough",
                task_profile="chat",
                field_map=with_split(profile, field_map),
                confidence=0.93,
                rationale=f"{column.name!r} holds a message with its replies",
                warnings=[*ranked, *aside(profile, column.name)],
            )
            return


def threads(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Messages in rows of their own, which say who spoke and what they answer or belong to."""
    speaker = next((each for each in (named(profile, name) for name in ROLE_KEYS) if _speaks(each)), None)
    texts = [each for each in text_columns(profile) if base_name(each) in _TEXTS]
    text = texts[0] if texts else None
    if speaker is None or text is None:
        return
    linked = _linked(profile, (speaker, text))
    field_map = {"text": text.name, "speaker": speaker.name, **linked}
    if not linked:
        thread = next((each for name in _THREADS if (each := named(profile, name)) and _repeats(each)), None)
        if thread is None:
            return
        place = named(profile, *_PLACES)
        field_map["thread"] = thread.name
        if place is not None and place.looks_numeric and place is not thread:
            field_map["order"] = place.name
    for role, name in (("deleted", "deleted"), ("rating", "review_result")):
        column = named(profile, name)
        if column is not None and column.share("boolean") + column.share("string") > 0.9:
            field_map[role] = column.name
    doubts = _best_of_several(bool(linked) and named(profile, "rank") is not None)
    if "order" not in field_map and not linked:
        what = (
            f"{speaker.name!r} may say who is speaking: each row is one turn of a conversation, and nothing "
        )
        doubts.append(f"{what}says that the rows are in order")
    yield ShapeHypothesis(
        shape="messages in rows of their own",
        mapper_id="rows_to_chat",
        task_profile="chat",
        field_map=with_split(profile, field_map),
        confidence=0.93 if linked else 0.85 if "order" in field_map else 0.78,
        rationale=f"{speaker.name!r} says who spoke, {field_map['thread']!r} "
        + ("which message is answered" if linked else "in which conversation"),
        warnings=[*doubts, *aside(profile, *field_map.values())],
    )


def rated_pairs(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Answers that are rated one by one, of which some share a prompt."""
    answer = named(profile, *_ANSWERS)
    prompt = named(profile, *_PROMPTS) if answer is not None else None
    if prompt is None:
        prompt, answer = named(profile, *MESSAGE_NAMES), None
    if prompt is None:
        return
    field_map = {"prompt": prompt.name}
    field_map |= {"answer": answer.name} if answer is not None else {}
    if rate(profile, field_map) or "rating" not in field_map:
        return
    field_map |= system_role(profile)
    pairs = _pairs(profile, field_map)
    repeated = prompt.variety < _REPEATED
    doubt = (
        "of the rows drawn, no prompt has a good and a bad answer, and only such make pairs; a project "
        "without a task takes the good answers by --auto"
    )
    yield ShapeHypothesis(
        shape="answers rated one by one",
        mapper_id="rated_to_preference",
        task_profile="alignment",
        field_map=with_split(profile, field_map),
        confidence=0.82 if pairs or repeated else 0.4,
        rationale=f"{field_map['rating']!r} says of each answer to {prompt.name!r} whether it is good",
        warnings=[doubt] * (not pairs and not repeated) + aside(profile, *field_map.values()),
    )


def _pairs(profile: Profile, field_map: dict[str, str]) -> int:
    """How many pairs the rows at hand make."""
    rows = [*profile.sample, *(each for each in profile.drawn if each not in profile.sample)]
    mapper = RatedToPreference(field_map)
    gathered = mapper.gathered(SourceRow(number, data) for number, data in enumerate(rows))
    return sum("chosen" in row.data and field_map["rating"] not in row.data for row in gathered)


def _speaks(column: Column | None) -> bool:
    """Whether its values name a user and an assistant, and nobody else."""
    if column is None or column.open_ended or not column.values:
        return False
    roles = {ROLE_NAMES.get(normal_role(str(value))) for value in column.values}
    return {"user", "assistant"} <= roles and None not in roles


def _repeats(column: Column) -> bool:
    return column.share("string", "number") > 0.9 and column.variety < _REPEATED and len(column.values) > 1


def _linked(profile: Profile, others: tuple[Column, ...]) -> dict[str, str]:
    """The columns of the message before and of the message's own id, by what they hold; none without them."""
    columns = [
        each for each in profile.leaves() if each not in others and each.share("string", "number") > 0.9
    ]
    for before in columns:
        if not any(part in base_name(before) for part in _BEFORE):
            continue
        named_ids = {_id(value) for value in before.values}
        for own in columns:
            ids = {_id(value) for value in own.values}
            if own is not before and own.variety > _OWN and len(named_ids & ids) >= _LINKED * len(named_ids):
                return {"thread": before.name, "id": own.name}
    return {}


def _id(value: object) -> str:
    return str(value).removesuffix(".0")


def _is_ranked(tree: Mapping[str, Any]) -> bool:
    return any(isinstance(each, Mapping) and each.get("rank") is not None for each in tree["replies"])


def _best_of_several(ranked: bool) -> list[str]:
    what = "replies to one message are ranked, and all are learned; --map replies=best keeps the best"
    return [what] * ranked
