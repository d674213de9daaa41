"""Signs that a column of few values does not name the class of the text beside it, though it looks so."""

from __future__ import annotations

import re

from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.signs import base_name, lists_of
from narrowcast.stages.import_.mapping.spoken import spoken_turns
from narrowcast.stages.import_.mapping.turns import ROLE_NAMES
from narrowcast.stages.import_.mapping.written import written

_SPEAKER_NAMES = frozenset({"role", "speaker", "speaker_role"})
# Who wrote a text, or who labelled it.
_PEOPLE = frozenset({
    "agent", "agent_name", "user", "user_name", "username", "user_id", "author", "author_id", "sender",
    "assignee", "annotator", "annotator_id", "annotated_by", "labeler", "labeller", "labelled_by",
    "labeled_by", "rater", "rater_id", "worker", "worker_id", "reviewer", "created_by",
})  # fmt: skip
# Where, when or in which language a text was written, or by whom.
_CIRCUMSTANCES = frozenset({
    "lang", "language", "language_code", "lang_code", "locale", "country", "country_code", "region", "city",
    "gender", "sex", "age", "age_group", "source", "platform", "device", "os", "browser", "timezone",
    "time_zone", "year", "month", "day", "weekday", "hour", "currency",
})  # fmt: skip
# What a platform notes of a message; also with `is_`, `has_` or `was_` before it.
_NOTED = frozenset({
    "reply", "retweet", "retweeted", "quote", "quoted", "quote_status", "favorited", "truncated", "verified",
    "verified_purchase", "edited", "deleted", "public", "private", "pinned", "stickied", "locked", "archived",
    "active", "possibly_sensitive", "media", "url", "urls", "link", "links", "image", "images", "photo",
    "video", "attachment", "attachments", "bot", "self", "original_content", "read", "seen", "sent", "draft",
    "starred", "outgoing", "incoming", "forwarded", "crosspost", "submitter", "anonymous", "protected",
})  # fmt: skip
_BEFORE_NOTED = re.compile("^(?:is|has|was)_")
_MOSTLY = 0.8
_LETTERS = "abcdefghij"
_MOST_OPTIONS = len(_LETTERS)
_NUMBERED = re.compile(r"(?P<stem>[a-z][a-z_]*?)_?(?P<number>[a-j]|\d)")


def other_readings(profile: Profile, label: Column) -> list[str]:
    """Doubts about a label that names the right one of a row's own options, or a person."""
    doubts = []
    options = _options(profile, label)
    if options:
        doubts.append(
            f"{label.name!r} may point to one of each row's own options ({', '.join(options)}), "
            "which are not read"
        )
    if base_name(label) in _SPEAKER_NAMES or _all_roles(label):
        doubts.append(f"{label.name!r} may say who is speaking: each row is one turn of a conversation")
    if base_name(label) in _PEOPLE:
        doubts.append(f"{label.name!r} may say who wrote or labelled a text, not what it is")
    if base_name(label) in _CIRCUMSTANCES:
        doubts.append(f"{label.name!r} may say where, when or by whom a text was written, not what it is")
    if is_noted(label):
        doubts.append(f"{label.name!r} may be what a platform notes of a message, not what it is")
    return doubts


def is_noted(column: Column) -> bool:
    """Whether a column is called like what a platform notes of each message: `is_reply`, `has_media`."""
    return _BEFORE_NOTED.sub("", base_name(column)) in _NOTED


def text_readings(text: Column) -> list[str]:
    """Doubts about a column of texts that holds something else than what is classified."""
    examples = [str(example) for example in text.examples]
    if sum(len(spoken_turns(each) or ()) > 1 for each in examples) > _MOSTLY * len(examples):
        return [f"{text.name!r} holds conversations, whose replies may be meant"]
    if sum(isinstance(written(each), dict) for each in examples) > _MOSTLY * len(examples):
        return [f"{text.name!r} holds objects as text, and what is to be read may be inside"]
    return []


def _all_roles(label: Column) -> bool:
    return all(str(value).strip().lower() in ROLE_NAMES for value in label.values)


def _options(profile: Profile, label: Column) -> list[str]:
    """The columns of the options of a multiple-choice question, where the label is a place among them."""
    places = [_place(value) for value in label.values]
    if label.open_ended or len(places) > _MOST_OPTIONS or None in places:
        return []
    most = max(place for place in places if place is not None)
    columns = [each for each in profile.leaves() if each is not label and each.filled]
    for column in columns:
        lists = lists_of(column)
        long_enough = bool(lists) and all(len(each) >= most for each in lists)
        if long_enough and len({str(each) for each in lists}) > 1 and _are_texts(lists):
            return [column.name]
    series: dict[str, list[str]] = {}
    for column in columns:
        stem = counted_stem(base_name(column))
        if stem is not None and column.share("string") > 0.5 and column.variety > 0.1:
            series.setdefault(stem, []).append(column.name)
    return next((names for names in series.values() if len(names) >= max(2, most)), [])


def _are_texts(lists: list[list[object]]) -> bool:
    return all(isinstance(item, str) for each in lists for item in each)


def counted_stem(name: str) -> str | None:
    """`option` of `option_a`, `choice` of `choice1`, "" of `a`; None for a name that counts nothing."""
    if name in _LETTERS:
        return ""
    match = _NUMBERED.fullmatch(name)
    return match["stem"] if match and match["stem"] not in ("column", "unnamed", "text", "sentence") else None


def _place(value: object) -> int | None:
    """A number or a letter as a place; None for a name."""
    text = str(value).strip().lower().removesuffix(".0")
    if text.isdigit() and len(text) == 1:
        return int(text)
    return _LETTERS.index(text) + 1 if len(text) == 1 and text in _LETTERS else None
