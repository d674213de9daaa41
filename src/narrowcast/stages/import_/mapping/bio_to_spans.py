"""Tokens with BIO tags → text spans with character offsets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping import alike
from narrowcast.stages.import_.mapping.base import Role, getter
from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.spans import refuse_unknown_types, span_task
from narrowcast.stages.import_.mapping.written import plain


class BioToSpans:
    """The text is the tokens joined by one space. An I- without its B- begins a span, as conlleval has it."""

    id = "bio_to_spans"
    meaning = "tokens and their BIO (or BIOES, BILOU, IO) tags: lists, or strings separated by spaces"
    profile = "structured_extraction"
    roles = (
        Role("tokens", "list of words, or a string"),
        Role("tags", "one tag per token"),
        Role(
            "names",
            "names of numbered tags in order, separated by |, such as O|B-person|I-person",
            required=False,
            literal=True,
        ),
        alike.ROLE,
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:
        self._tokens = getter(field_map["tokens"])
        self._tags = getter(field_map["tags"])
        self._names = field_map["names"].split("|") if "names" in field_map else None
        self.joining = alike.Joining(field_map)
        self._closed = closed
        self._types: set[str] = set()

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """`{"text": ...}` and `{"spans": [...]}`."""
        tokens = _words(self._tokens(data), "missing_tokens")
        tags = _words(self._named(self._tags(data)), "missing_tags")
        if len(tokens) != len(tags):
            raise RejectRow("length_mismatch", f"{len(tokens)} tokens, {len(tags)} tags")
        text = " ".join(tokens)
        if not text.strip():
            raise RejectRow("missing_tokens")
        spans = _spans(text, tokens, tags)
        spans = self.joining.types(spans)
        refuse_unknown_types(spans, self._closed)
        self._types.update(span["type"] for span in spans)
        return {"text": text}, {"spans": spans}

    def _named(self, tags: Any) -> Any:
        tags = plain(tags)
        if self._names is None or not isinstance(tags, list):
            return tags
        return [_name(each, self._names) for each in tags]

    def task(self) -> TaskSpec:
        """The types of all accepted rows."""
        return span_task(self._types)


def _words(value: Any, missing: str) -> list[str]:
    value = plain(value)
    if isinstance(value, str):
        value = value.split()
    if not isinstance(value, list) or not value:
        raise RejectRow(missing)
    if not all(isinstance(each, str) for each in value):
        reason = "invalid_tag" if missing == "missing_tags" else missing
        raise RejectRow(reason, "numbers without names")
    return value


def _name(tag: Any, names: list[str]) -> Any:
    if not isinstance(tag, int) or isinstance(tag, bool):
        return tag
    if not 0 <= tag < len(names):
        raise RejectRow("invalid_tag", f"number {tag}, where {len(names)} names are given")
    return names[tag]


def _spans(text: str, tokens: list[str], tags: list[str]) -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = []
    start = end = position = 0
    kind = ""

    def close() -> None:
        nonlocal kind
        if kind and end > start:
            spans.append({"type": kind, "text": text[start:end], "start": start, "end": end})
        kind = ""

    for token, tag in zip(tokens, tags, strict=True):
        prefix, tagged = _parse_tag(tag)
        if prefix in ("O", "B", "S") or tagged != kind:
            close()
        if tagged and not kind:
            kind, start = tagged, position
        end = position + len(token)
        if prefix in ("S", "E"):
            close()
        position = end + 1
    close()
    return spans


def _parse_tag(tag: str) -> tuple[str, str]:
    """Prefix (O, B, I, E or S) and type; U and L are the BILOU names of S and E."""
    if tag in ("O", ""):
        return "O", ""
    prefix, hyphen, kind = tag.partition("-")
    if not hyphen:
        return "I", tag
    prefix = {"U": "S", "L": "E", "M": "I"}.get(prefix, prefix)
    if prefix not in ("B", "I", "E", "S") or not kind:
        raise RejectRow("invalid_tag", tag[:80])
    return prefix, kind
