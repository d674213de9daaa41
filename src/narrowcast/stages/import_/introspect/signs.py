"""Names and measures that say what a column is for, shared by the detectors."""

from __future__ import annotations

import re
from typing import Any

from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.mapping.written import plain

TEXT_NAMES = frozenset({
    "text", "texts", "sentence", "utterance", "message", "msg", "query", "review", "content", "body",
    "comment", "title", "tweet", "question", "document", "input", "prompt", "description", "email", "note",
    "transcript", "complaint", "request", "headline", "article", "post",
})  # fmt: skip
LABEL_NAMES = frozenset({
    "label", "labels", "category", "categories", "class", "intent", "target", "sentiment", "topic", "tag",
    "type", "y", "gold", "answer", "output", "rating", "stars", "department", "priority", "coarse_label",
    "fine_label", "intent_name", "label_text", "label_name", "toxic", "spam", "is_spam", "scenario", "domain",
})  # fmt: skip
# Of several names of labels, these mean the label whatever stands beside it.
PLAIN_LABELS = frozenset({"label", "labels", "gold", "y", "label_text", "label_name"})
_SPLIT_WORDS = frozenset({"train", "training", "dev", "val", "valid", "validation", "test", "oos"})


# What a column says of a row's worth, not of its class.
JUDGED = frozenset({
    "weight", "score", "thumbs", "thumb", "thumbs_up", "rating", "ratings", "feedback", "vote", "votes",
    "upvotes", "quality", "reward", "correct", "is_correct", "good", "is_good", "bad", "is_bad", "accepted",
    "approved", "helpful", "is_helpful", "flagged", "kto_tag",
})  # fmt: skip
_JUDGED_PARTS = frozenset({
    "score", "scores", "rating", "ratings", "helpfulness", "correctness", "harmlessness", "quality", "reward",
})  # fmt: skip
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s-]+")

_ACCEPTED = frozenset({"accept", "accepted"})
_REVIEWED = _ACCEPTED | {"reject", "rejected", "ignore", "ignored", "skip", "skipped"}

LEAST_ROWS = 20  # fewer rows are not enough to judge by


def is_label_name(name: str) -> bool:
    """Whether a column is called as labels usually are."""
    return snake_case(name.rpartition(".")[2]) in LABEL_NAMES


def is_judged(column: Column) -> bool:
    """Whether a column is called after what a row is worth: `rating`, `overall_score`, `helpfulness`."""
    name = base_name(column)
    return name in JUDGED or not _JUDGED_PARTS.isdisjoint(name.split("_"))


def clip(value: float) -> float:
    """Into 0..1."""
    return max(0.0, min(1.0, value))


def base_name(column: Column) -> str:
    """The last part of a dotted path, in lower case, its words joined by underscores."""
    return snake_case(column.name.rpartition(".")[2])


def snake_case(name: str) -> str:
    """`systemPrompt`, `System Prompt` and `system-prompt` as `system_prompt`."""
    return _WORD_ENDS.sub("_", name.strip()).lower()


def in_expression(name: str) -> str:
    """A column as `--derive` and `--where` name it."""
    return name if name.isidentifier() else f"`{name}`"


def lists_of(column: Column) -> list[list[Any]]:
    """The examples of a column of lists, or of their text; none where it holds something else."""
    lists = [each for each in map(plain, column.examples) if isinstance(each, list)]
    return lists if len(lists) >= 0.9 * len(column.examples) else []


def named(profile: Profile, *names: str) -> Column | None:
    """The first column of one of these names, in the order of the names; upper case does not matter."""
    for name in names:
        for column in profile.columns.values():
            if base_name(column) == name and column.filled:
                return column
    return None


def text_score(column: Column) -> float:
    """How much a column reads like free text: 0 (not at all) to 1."""
    if column.share("string") < 0.9 or column.filled < 0.5 * column.rows or column.looks_numeric:
        return 0.0
    if column.mean_words < 1.8 or column.variety < 0.3:
        return 0.0
    return (
        0.5 * clip((column.mean_words - 1.5) / 3.5)
        + 0.3 * clip(column.variety / 0.7)
        + 0.2 * (base_name(column) in TEXT_NAMES)
    )


def text_columns(profile: Profile) -> list[Column]:
    """Columns of free text, the likeliest first."""
    columns = [column for column in profile.leaves() if text_score(column) > 0]
    return sorted(columns, key=text_score, reverse=True)


def is_split_column(column: Column) -> bool:
    """Whether all its values name splits (`train`, `oos_val`, …)."""
    if not column.values or column.open_ended or len(column.values) > 10:
        return False
    return all(
        isinstance(value, str) and set(value.lower().replace("-", "_").split("_")) & _SPLIT_WORDS
        for value in column.values
    )


def split_column(profile: Profile) -> Column | None:
    """A column that keeps the published split of each row."""
    for column in profile.top_level():
        if base_name(column) in ("split", "subset", "partition", "fold", "set") and is_split_column(column):
            return column
    return None


def review_column(profile: Profile) -> Column | None:
    """A column in which annotators accepted or rejected what stands beside it, as Prodigy's `answer`."""
    for column in profile.top_level():
        if base_name(column) != "answer":
            continue
        values = {str(value).strip().lower() for value in column.values}
        if column.filled == column.rows and values <= _REVIEWED and values & _ACCEPTED and len(values) > 1:
            return column
    return None


def unused(profile: Profile, *used: str) -> list[str]:
    """Columns that hold something and that a mapping leaves aside, nested ones through their parents."""
    return [
        column.name
        for column in profile.top_level()
        if column.filled
        and not any(column.name == name or name.startswith(f"{column.name}.") for name in used)
    ]


def by_name(profile: Profile, names: tuple[str, ...]) -> list[Column]:
    """Columns in the order of `names`, then all others."""

    def rank(column: Column) -> int:
        name = base_name(column)
        return names.index(name) if name in names else len(names)

    return sorted((column for column in profile.columns.values() if column.filled), key=rank)


def with_split(profile: Profile, field_map: dict[str, str]) -> dict[str, str]:
    """The field map with the columns of published splits and of annotators' verdicts, where there are any."""
    split, review = split_column(profile), review_column(profile)
    field_map = {**field_map, "split": split.name} if split else field_map
    return {"rating": review.name, **field_map} if review else field_map


def aside(profile: Profile, *used: str) -> list[str]:
    """A warning that names the columns a mapping leaves aside."""
    names = unused(profile, *used)
    return [f"not used: {', '.join(names[:12])}"] if names else []
