"""A text with its spans marked inside it, or cut into fragments → text spans with character offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping import alike
from narrowcast.stages.import_.mapping.base import Role, getter
from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.spans import refuse_unknown_types, span_task

# How spans are marked inside a text; each has the groups `kind` and `text`.
STYLES = {
    "colon": re.compile(r"\[\s*(?P<kind>[\w.\-]+)\s*:\s*(?P<text>[^\[\]]+?)\s*\]"),
    "link": re.compile(
        r"\[(?P<text>[^\[\]]+)\](?:\((?P<kind>[\w.\-]+)(?::[^()]*)?\)"
        r'|\{[^{}]*"entity"\s*:\s*"(?P<entity>[^"]+)"[^{}]*\})'
    ),
    "tag": re.compile(r"<(?P<kind>[A-Za-z][\w.\-]*)>(?P<text>[^<>]*)</(?P=kind)>"),
}
KIND_KEYS = ("entity", "slot_name", "slot", "alias", "label", "type", "meta")
_TEXT_KEYS = ("text", "value", "data")


class MarkedToSpans:
    """Marks are `[type : words]`, `[words](type)`, `[words]{"entity": "type"}` or `<type>words</type>`.

    Fragments are a list of `{"text", "entity"?}` (also `slot_name`, `alias`, …) that follow each other.
    """

    id = "marked_to_spans"
    meaning = "a text whose spans are marked inside it, or a list of its fragments"
    profile = "structured_extraction"
    roles = (
        Role("marked", "text with marks, or list of fragments"),
        Role(
            "style", "how spans are marked; auto tells by the row", required=False, literal=True,
            words=("auto", *STYLES),
        ),
        alike.ROLE,
    )  # fmt: skip

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:
        self._marked = getter(field_map["marked"])
        style = field_map.get("style", "auto")
        self._styles = STYLES if style == "auto" else {style: STYLES[style]}
        self.joining = alike.Joining(field_map)
        self._closed = closed
        self._types: set[str] = set()

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """`{"text": ...}` without the marks, and `{"spans": [...]}`."""
        value = self._marked(data)
        if isinstance(value, str):
            pieces = list(self._pieces(value))
        elif isinstance(value, list):
            pieces = [_fragment(each) for each in value]
        else:
            raise RejectRow("missing_text" if value is None else "text_not_a_string")
        text, spans = _joined(pieces)
        if not text.strip():
            raise RejectRow("missing_text")
        spans = self.joining.types(spans)
        refuse_unknown_types(spans, self._closed)
        self._types.update(span["type"] for span in spans)
        return {"text": text}, {"spans": spans}

    def _pieces(self, text: str) -> Iterator[tuple[str, str]]:
        marks = {name: list(style.finditer(text)) for name, style in self._styles.items()}
        used = [name for name, each in marks.items() if each]
        if len(used) > 1:
            raise RejectRow("invalid_span", f"marked in two ways, {' and '.join(used)}: name one as style")
        place = 0
        for mark in marks[used[0]] if used else ():
            yield "", text[place : mark.start()]
            named = mark.groupdict()
            yield named["kind"] or named["entity"], mark["text"]
            place = mark.end()
        yield "", text[place:]

    def task(self) -> TaskSpec:
        """The types of all accepted rows."""
        return span_task(self._types)


def _fragment(value: Any) -> tuple[str, str]:
    if isinstance(value, str):
        return "", value
    text = (
        next((value[key] for key in _TEXT_KEYS if key in value), None) if isinstance(value, Mapping) else None
    )
    if not isinstance(text, str):
        raise RejectRow("invalid_span", f"a fragment without text: {str(value)[:60]}")
    return kind_of(value), text


def kind_of(fragment: Mapping[str, Any]) -> str:
    """The type of a fragment's span, empty where it is plain text."""
    kind = next((fragment[key] for key in KIND_KEYS if isinstance(fragment.get(key), str)), "")
    return "" if kind == "O" else str(kind).strip().removeprefix("@")


def _joined(pieces: list[tuple[str, str]]) -> tuple[str, list[dict[str, Any]]]:
    """The text of all pieces, and a span of each that has a type, without the white space at its ends."""
    text, spans = "", []
    for kind, piece in pieces:
        words = piece.strip()
        if kind and words:
            start = len(text) + piece.index(words)
            spans.append({"type": kind, "text": words, "start": start, "end": start + len(words)})
        text += piece
    return text, spans
