"""Lists inside rows: BIO tags and text spans."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from narrowcast.stages.import_.introspect.profile import Column, Profile
from narrowcast.stages.import_.introspect.report import ShapeHypothesis
from narrowcast.stages.import_.introspect.signs import (
    LEAST_ROWS,
    aside,
    by_name,
    lists_of,
    named,
    text_columns,
    with_split,
)
from narrowcast.stages.import_.mapping.marked_to_spans import STYLES, kind_of
from narrowcast.stages.import_.mapping.written import plain

_TAG = re.compile(r"O|[BIESLUM]-\S+")
_TOKEN_NAMES = ("tokens", "words", "token", "sentence", "text")
_TAG_NAMES = ("tags", "ner_tags", "labels", "bio", "bio_tags", "slots", "ner", "tag", "label")
_SPAN_NAMES = ("spans", "entities", "labels", "label", "annotations", "slots", "ner")
_START = frozenset({"start", "startIndex", "start_offset", "start_char", "begin"})
_END = frozenset({"end", "endIndex", "end_offset", "end_char", "stop"})
_KIND = frozenset({"labels", "type", "label", "slot", "entity", "entity_group", "tag", "category"})
_HTML = frozenset({
    "a", "b", "body", "code", "div", "em", "h1", "h2", "h3", "head", "html", "i", "li", "ol", "p", "pre",
    "s", "span", "strong", "sub", "sup", "table", "td", "th", "title", "tr", "u", "ul",
})  # fmt: skip
_LEAST_MARKED = 0.5
_FILE = re.compile(r"\.(?:md|html?|png|jpe?g|svg|gif|pdf|com|org|net|io)$")
_NESTED = ("valueSpan", "span", "offsets", "position")


def bio_tags(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Two parallel lists (or strings separated by spaces), the second of BIO tags or of numbers."""
    tags = next((c for c in by_name(profile, _TAG_NAMES) if _holds_tags(c.examples)), None)
    if tags is None:
        tags = next((c for c in by_name(profile, _TAG_NAMES) if _holds_plain_tags(c)), None)
    if tags is None:
        yield from _numbered_tags(profile)
        return
    tokens = next(
        (c for c in by_name(profile, _TOKEN_NAMES) if c is not tags and _parallel(c.examples, tags.examples)),
        None,
    )
    if tokens is None or len(_flat(tags.examples)) <= len(tags.examples):
        return  # one token a row is not a sentence
    lists = len(lists_of(tags)) == len(tags.examples)
    kinds = sorted({tag.partition("-")[2] or tag for tag in _flat(tags.examples)} - {"O"})
    yield ShapeHypothesis(
        shape="tokens with BIO tags",
        mapper_id="bio_to_spans",
        task_profile="structured_extraction",
        field_map=with_split(profile, {"tokens": tokens.name, "tags": tags.name}),
        confidence=0.97 if lists else 0.9,
        rationale=(
            f"{tokens.name!r} and {tags.name!r} are equally long in the sample, and all tags are BIO tags "
            f"(seen: {', '.join(kinds[:8]) or 'O alone'})"
        ),
        warnings=aside(profile, tokens.name, tags.name),
    )


def _numbered_tags(profile: Profile) -> Iterator[ShapeHypothesis]:
    tags = next((c for c in by_name(profile, ("ner_tags", "tags")) if _holds_integers(c.examples)), None)
    tokens = named(profile, "tokens", "words")
    if tags is not None and tokens is not None and _parallel(tokens.examples, tags.examples):
        yield ShapeHypothesis(
            shape="tokens with numbered tags",
            mapper_id="bio_to_spans",
            task_profile="structured_extraction",
            field_map={"tokens": tokens.name, "tags": tags.name},
            confidence=0.4,
            rationale=f"{tags.name!r} holds a number for each token of {tokens.name!r}",
            warnings=["the source does not give the names of the tags; every row would be rejected as "
                      "invalid_tag. Name them in order: --map 'names=O|B-person|I-person'"],
        )  # fmt: skip


def spans(profile: Profile) -> Iterator[ShapeHypothesis]:
    """A text column and a list of typed character offsets into it."""
    column = next((c for c in by_name(profile, _SPAN_NAMES) if _holds_spans(c.examples)), None)
    texts = text_columns(profile) or [c for c in profile.leaves() if c.share("string") > 0.9]
    if column is None or not texts:
        return
    text = next((c for c in texts if c.name.rpartition(".")[2].lower() == "text"), texts[0])
    without = column.rows - column.filled
    warnings = [f"{without:,} rows have no spans; they become examples of a text without any"] * bool(without)
    yield ShapeHypothesis(
        shape="text with typed spans",
        mapper_id="kv_to_structured",
        task_profile="structured_extraction",
        field_map=with_split(profile, {"text": text.name, "spans": column.name}),
        confidence=0.93 if text.mean_words > 1.5 else 0.7,
        rationale=f"{column.name!r} lists spans with a type and offsets; {text.name!r} holds the text",
        warnings=warnings + aside(profile, text.name, column.name),
    )


def marked(profile: Profile) -> Iterator[ShapeHypothesis]:
    """Texts with marks inside them, or lists of fragments of which some have a type."""
    for column in profile.top_level():
        kinds = _marked_kinds(column)
        share = sum(map(bool, kinds)) / len(kinds) if kinds else 0.0
        names = sorted({kind for each in kinds for kind in each})
        if share < _LEAST_MARKED or set(names) <= _HTML or any(map(_is_address, names)):
            continue
        few = profile.rows < LEAST_ROWS
        left = aside(profile, column.name)
        texts = len([each for each in text_columns(profile) if each is not column])
        yield ShapeHypothesis(
            shape="text with marked spans",
            mapper_id="marked_to_spans",
            task_profile="structured_extraction",
            field_map=with_split(profile, {"marked": column.name}),
            confidence=0.6 if few else round(0.92 - 0.15 * bool(texts) - 0.03 * bool(left), 2),
            rationale=f"{share:.0%} of the sample of {column.name!r} are marked: {', '.join(names[:8])}",
            warnings=["another column holds a text as well"] * bool(texts)
            + [f"only {profile.rows} rows to judge by"] * few
            + left,
        )


def _is_address(kind: str) -> bool:
    """Whether a link leads somewhere, as in Markdown, where a mark names a type."""
    return kind in ("http", "https", "mailto", "ftp") or bool(_FILE.search(kind))


def _marked_kinds(column: Column) -> list[list[str]]:
    """The types that are marked in each example; none where it is neither a text nor fragments."""
    if column.share("list") > 0.9:
        return [_fragment_kinds(example) for example in column.examples]
    texts = [example for example in column.examples if isinstance(example, str)]
    return [
        [mark.groupdict()["kind"] or mark.groupdict().get("entity") or "" for mark in style.finditer(text)]
        for text in texts
        for style in [max(STYLES.values(), key=lambda each: len(each.findall(text)))]
    ]


def _fragment_kinds(example: Any) -> list[str]:
    if not isinstance(example, list) or not all(
        isinstance(each, Mapping) and isinstance(each.get("text"), str) and "start" not in each
        for each in example
    ):
        return []
    kinds = [kind_of(each) for each in example]
    return [kind for kind in kinds if kind] if len(example) > 1 and not all(kinds) else []


def _words(value: Any) -> list[Any]:
    value = plain(value)
    return value.split() if isinstance(value, str) else value if isinstance(value, list) else []


def _flat(examples: list[Any]) -> list[str]:
    return [tag for example in examples for tag in _words(example)]


def _holds_tags(examples: list[Any]) -> bool:
    tags = _flat(examples)
    if not tags or not all(isinstance(tag, str) for tag in tags):
        return False
    fitting = sum(_TAG.fullmatch(tag) is not None for tag in tags)
    return (fitting == len(tags) and any("-" in tag for tag in tags)) or set(tags) == {"O"}


def _holds_plain_tags(column: Column) -> bool:
    """Lists of types without prefixes, most of them O."""
    tags = [tag for tags in lists_of(column) for tag in tags]
    if not tags or not all(isinstance(tag, str) for tag in tags):
        return False
    kinds = set(tags)
    return "O" in kinds and 2 <= len(kinds) <= len(tags) / 4 and tags.count("O") >= 0.3 * len(tags)


def _holds_integers(examples: list[Any]) -> bool:
    tags = [tag for example in map(plain, examples) if isinstance(example, list) for tag in example]
    return bool(tags) and all(isinstance(tag, int) for tag in tags)


def _parallel(left: list[Any], right: list[Any]) -> bool:
    pairs = list(zip(left, right, strict=False))
    equal = sum(len(_words(one)) == len(_words(other)) > 0 for one, other in pairs)
    return bool(pairs) and equal >= 0.9 * len(pairs)


def _holds_spans(examples: list[Any]) -> bool:
    items = [item for example in map(plain, examples) for item in _span_items(example)]
    return bool(items) and sum(_is_span(item) for item in items) >= 0.9 * len(items)


def _span_items(example: Any) -> list[Any]:
    """What may be spans in a value: of a list, of an object of lists by type, of Label Studio's results."""
    if isinstance(example, Mapping):
        grouped = [each if isinstance(each, list) else [each] for each in example.values()]
        flat = [item for each in grouped for item in each if item is not None]
        return [{**item, "type": "x"} if isinstance(item, Mapping) else None for item in flat]
    if not isinstance(example, list):
        return []
    if example and all(
        isinstance(item, Mapping) and isinstance(item.get("result"), list) for item in example
    ):
        return [each.get("value") for item in example for each in item["result"] if isinstance(each, Mapping)]
    return example


def holds_spans(column: Column) -> bool:
    """Whether a column holds typed spans in one of the forms that are read."""
    return _holds_spans(column.examples)


def _is_span(item: Any) -> bool:
    if isinstance(item, list):
        return len(item) == 3 and isinstance(item[0], int) and isinstance(item[1], int)
    if not isinstance(item, Mapping):
        return False
    if any(isinstance(item.get(key), list) and len(item[key]) == 2 for key in _NESTED):
        return bool(_KIND & item.keys())
    nested = next((item[key] for key in _NESTED if isinstance(item.get(key), Mapping)), item)
    has_start = bool(_START & nested.keys()) or "endIndex" in nested
    return has_start and bool(_END & nested.keys()) and bool(_KIND & item.keys())
