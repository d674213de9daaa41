"""Spans in the forms they come in → `{"type", "text", "start", "end"}` with character offsets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from narrowcast.core.names import ScoringMode
from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.reasons import RejectRow
from narrowcast.stages.import_.mapping.written import plain

_TYPE_KEYS = ("type", "label", "slot", "entity", "entity_group", "tag", "category")
_START_KEYS = ("start", "startIndex", "start_offset", "start_char", "begin")
_END_KEYS = ("end", "endIndex", "end_offset", "end_char", "stop")
_UNPLACED = -1
_UNITS = {
    "characters": "",
    "utf16": "emoji and the like count UTF-16 units",
    "bytes": "characters beyond ASCII count bytes",
}
_SPACELESS = "\u0e00"  # from here on, scripts that write words without spaces, or with endings attached
_NESTED_KEYS = ("valueSpan", "span", "offsets", "position")


class SpanReader:
    """Spans of one source; it learns from its rows whether offsets count characters, UTF-16 units or bytes.

    Units differ from characters behind one outside the Basic Multilingual Plane, such as most emoji; bytes
    behind any that is not ASCII. There the reading is taken whose spans are the texts stated, or begin and
    end between words; where several do, the one that the rows before needed.

    Args:
        last: whether an end is the last character of its span, not the one behind it.
    """

    def __init__(self, *, last: bool = False) -> None:
        self._rows = dict.fromkeys(_UNITS, 0)
        self._last = last

    def read(self, value: Any, text: str) -> list[dict[str, Any]]:
        """Spans in the order of the text.

        Known forms: `{"type"|"label"|"slot": …, "start": …, "end": …, "text"?}`, the same with the offsets in
        `valueSpan: {startIndex, endIndex}` (a missing start is 0, as protobuf leaves zeros out), and
        `[start, end, type]`; an object of such spans, or of texts, by type; Label Studio's results.
        A text without offsets is looked up, whole words first, each at its first free place. None or an empty
        list is a text without spans.

        Raises:
            RejectRow: `invalid_span`, `span_out_of_bounds` or `span_text_mismatch`.
        """
        value = plain(value)
        if value is None or value == "":
            return []
        if isinstance(value, Mapping):
            value = _by_type(value)
        if not isinstance(value, list):
            raise RejectRow("invalid_span", f"expected a list of spans, found {type(value).__name__}")
        stated = [_stated(each) for each in _annotated(value)]
        given = [each for each in stated if each.start != _UNPLACED]
        if self._last:
            given = [replace(each, end=each.end + 1) for each in given]
        if given and not text.isascii():
            given = self._settled(given, text)
        alone = [each for each in stated if each.start == _UNPLACED]
        spans = [_span(each, text) for each in _placed(given, alone, text)]
        return sorted(spans, key=lambda span: (span["start"], span["end"], span["type"]))

    def notes(self) -> list[str]:
        """That offsets were converted, in how many rows."""
        notes = []
        for name, called in _UNITS.items():
            rows, others = self._rows[name], self._rows["characters"]
            if rows and called:
                also = f"; {others:,} rows with such characters count in characters" if others else ""
                notes.append(f"offsets of {rows:,} rows with {called}; converted{also}")
        return notes

    def _settled(self, spans: list[_Stated], text: str) -> list[_Stated]:
        readings = {"characters": spans}
        for name in ("utf16", "bytes") if max(text) > "\uffff" else ("bytes",):
            places = _characters_at(text, name)
            converted = [
                replace(each, start=places.get(each.start, -1), end=places.get(each.end, -1))
                for each in spans
            ]
            if converted != spans:
                readings[name] = converted
        if len(readings) == 1:
            return spans
        doubts = {
            name: sum(_is_doubtful(each, text) for each in each_read) for name, each_read in readings.items()
        }
        least = min(doubts.values())
        fitting = [name for name in readings if doubts[name] == least]
        if len(fitting) == 1:
            self._rows[fitting[0]] += 1
        return readings[max(fitting, key=lambda name: self._rows[name])]


@dataclass(frozen=True, slots=True)
class _Stated:
    """A span as its source gives it."""

    kind: str
    start: int
    end: int
    text: str | None


def _by_type(value: Mapping[str, Any]) -> list[Any]:
    """`{type: span or text, or list of them}` as a list of spans that name their type."""
    spans: list[Any] = []
    for kind, given in value.items():
        for each in given if isinstance(given, list) else [given]:
            if isinstance(each, str):
                spans.append({"type": kind, "text": each})
            elif isinstance(each, Mapping):
                spans.append({**each, "type": kind})
            elif each is not None:
                raise RejectRow("invalid_span", f"{kind}: {str(each)[:60]}")
    return spans


def _annotated(value: list[Any]) -> list[Any]:
    """The spans of Label Studio's first annotation that was not cancelled; any other list as it is."""
    if not value or not all(
        isinstance(each, Mapping) and isinstance(each.get("result"), list) for each in value
    ):
        return value
    kept = next((each for each in value if not each.get("was_cancelled")), None)
    if kept is None:
        raise RejectRow("invalid_span", "every annotation was cancelled")
    if not all(isinstance(each, Mapping) for each in kept["result"]):
        raise RejectRow("invalid_span", f"a result that is not an object: {str(kept['result'])[:60]}")
    return [each["value"] for each in kept["result"] if isinstance(each.get("value"), Mapping)]


def _stated(value: Any) -> _Stated:
    text: Any = None
    if isinstance(value, list) and len(value) == 3:
        start, end, kind = value
    elif isinstance(value, Mapping):
        kind = _first(value, (*_TYPE_KEYS, "labels"))
        kind = kind[0] if isinstance(kind, list) and len(kind) == 1 else kind
        start, end = _offsets(value)
        text = value.get("text", value.get("value"))
    else:
        raise RejectRow("invalid_span", str(value)[:80])
    if start is None and end is None and isinstance(text, str) and text.strip():
        start = end = _UNPLACED
    if not isinstance(kind, str) or not kind.strip() or not (_integer(start) and _integer(end)):
        raise RejectRow("invalid_span", str(value)[:80])
    return _Stated(kind, start, end, text if isinstance(text, str) else None)


def _offsets(value: Mapping[str, Any]) -> tuple[Any, Any]:
    nested = _first(value, _NESTED_KEYS)
    if isinstance(nested, list) and len(nested) == 2:
        return nested[0], nested[1]
    offsets = nested if isinstance(nested, Mapping) else value
    start, end = _first(offsets, _START_KEYS), _first(offsets, _END_KEYS)
    return (0, end) if start is None and "endIndex" in offsets else (start, end)


def _placed(given: list[_Stated], alone: list[_Stated], text: str) -> list[_Stated]:
    """Spans with offsets, and those that are texts alone at their first free place."""
    spans = list(given)
    for each in alone:
        part = each.text or ""
        start = _free_place(part, text, [(span.start, span.end) for span in spans])
        spans.append(replace(each, start=start, end=start + len(part)))
    return spans


def _free_place(part: str, text: str, taken: list[tuple[int, int]]) -> int:
    places = [match.start() for match in re.finditer(re.escape(part), text)]
    free = [
        place
        for place in places
        if not any(place < end and start < place + len(part) for start, end in taken)
    ]
    if not free:
        raise RejectRow("span_text_mismatch", f"{part[:40]!r} is not in the text, or not as often")
    whole = [
        place
        for place in free
        if not _is_inside_word(text, place) and not _is_inside_word(text, place + len(part))
    ]
    return (whole or free)[0]


def _characters_at(text: str, unit: str) -> dict[int, int]:
    """Offset in UTF-16 units or bytes → number of the character that begins there, the end included."""
    places, offset = {}, 0
    for number, character in enumerate(text):
        places[offset] = number
        offset += 1 + (character > "\uffff") if unit == "utf16" else len(character.encode("utf-8", "replace"))
    return {**places, offset: len(text)}


def _is_doubtful(span: _Stated, text: str) -> bool:
    """Outside the text, another text than is stated, or with an end inside a word."""
    if not 0 <= span.start < span.end <= len(text):
        return True
    if span.text is not None:
        return text[span.start : span.end] != span.text
    part = text[span.start : span.end]
    return part != part.strip() or any(_is_inside_word(text, place) for place in (span.start, span.end))


def _is_inside_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()


def cuts_words(spans: Iterable[Mapping[str, Any]], text: str) -> tuple[int, int, int]:
    """Spans whose ends can be judged, those that cut a word, and of these how many one more character mends.

    Scripts that write words without spaces are not judged.
    """
    judged = cut = mended = 0
    for span in spans:
        start, end = span["start"], span["end"]
        if max(text[max(0, start - 1) : end + 1], default="") >= _SPACELESS:
            continue
        judged += 1
        if _is_inside_word(text, start) or _is_inside_word(text, end):
            cut += 1
            mended += not _is_inside_word(text, start) and not _is_inside_word(text, end + 1)
    return judged, cut, mended


def _span(stated: _Stated, text: str) -> dict[str, Any]:
    kind, start, end = stated.kind, stated.start, stated.end
    if not 0 <= start < end <= len(text):
        raise RejectRow("span_out_of_bounds", f"{kind} {start}–{end} of {len(text)} characters")
    part = text[start:end]
    if stated.text not in (None, part) and stated.text == text[start : end + 1]:
        part, end = text[start : end + 1], end + 1  # the end is the place of its last character
    if stated.text is not None and stated.text != part:
        raise RejectRow("span_text_mismatch", f"{stated.text[:40]!r} stated, {part[:40]!r} found")
    return {"type": kind, "text": part, "start": start, "end": end}


def _first(value: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((value[key] for key in keys if value.get(key) is not None), None)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def span_task(types: Iterable[str]) -> TaskSpec:
    """The task of a source with these span types."""
    span = {
        "type": "object",
        "properties": {
            "type": {"enum": sorted(types)},
            "text": {"type": "string"},
            "start": {"type": "integer", "minimum": 0},
            "end": {"type": "integer", "minimum": 1},
        },
        "required": ["type", "text"],
        "additionalProperties": False,
    }
    return TaskSpec(
        profile="structured_extraction",
        scoring_mode=ScoringMode.SPAN_SET,
        output_schema={
            "type": "object",
            "properties": {"spans": {"type": "array", "items": span}},
            "required": ["spans"],
            "additionalProperties": False,
        },
    )


def span_types_of(task: TaskSpec) -> frozenset[str]:
    """The types a `span_set` task knows."""
    node: Any = task.output_schema
    for key in ("properties", "spans", "items", "properties", "type", "enum"):
        node = node.get(key, {}) if isinstance(node, Mapping) else {}
    return frozenset(node)


def refuse_unknown_types(spans: list[dict[str, Any]], closed: TaskSpec | None) -> None:
    """Keep a closed task closed.

    Raises:
        RejectRow: `label_not_allowed`.
    """
    if closed is None:
        return
    known = span_types_of(closed)
    for span in spans:
        if span["type"] not in known:
            raise RejectRow("label_not_allowed", span["type"])
