"""Strict JSON: bad bytes, half surrogates and repeated keys are found, never passed on; NaN is null."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_SPEAKERS = frozenset({"role", "from"})  # who spoke: a record that lists such objects is a conversation
_SPACED_COLON = re.compile(r"[ \t\n\r]:")
_HALF_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_NESTED = (dict, list)
_SURROGATE = re.compile("[\ud800-\udfff]")
_HALF = "a \\u escape is half a surrogate pair"
BAD_BYTE = re.compile("[\udc80-\udcff]")


def no_json_in(value: Any) -> str | None:
    """Why a value parsed by `JsonReader` is none: a byte that is not UTF-8, half a surrogate pair."""
    if isinstance(value, str):
        bad = BAD_BYTE.search(value)
        if bad:
            return f"invalid utf-8: byte 0x{ord(bad[0]) - 0xDC00:02x}"
        return _HALF if _SURROGATE.search(value) else None
    if isinstance(value, dict):
        return next(filter(None, map(no_json_in, [*value, *value.values()])), None)
    if isinstance(value, list):
        return next(filter(None, map(no_json_in, value)), None)
    return None


class JsonReader:
    """Parses values; of the last one, `repeated` names a key that stood twice.

    `NaN` and infinities, which Python and pandas write for "no value", are null, as they are in tables;
    `constants` counts them. The standard parser keeps the last of two equal keys and forgets the others;
    which one was meant, the file does not say.
    """

    def __init__(self) -> None:
        self.repeated: str | None = None
        self.constants = 0
        self._scan = json.JSONDecoder(parse_constant=self._constant, parse_float=self._float).raw_decode
        exact = json.JSONDecoder(
            parse_constant=self._constant, parse_float=self._float, object_pairs_hook=self._object
        )
        self._scan_keys = exact.raw_decode

    def _constant(self, name: str) -> None:  # noqa: ARG002
        self.constants += 1

    def _float(self, text: str) -> float | None:
        """A number too large for a float, such as `1e400`, is null, as infinity is."""
        number = float(text)
        if math.isfinite(number):
            return number
        self.constants += 1
        return None

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) != len(pairs):
            keys = [key for key, _ in pairs]
            self.repeated = next(key for key in keys if keys.count(key) > 1)
        return values

    def parse(self, text: str, start: int = 0) -> tuple[Any, int]:
        """The value that begins at `start`, and where it ends.

        Raises:
            JSONDecodeError: if the text is not JSON.
            ValueError: for numbers of thousands of digits.
            RecursionError: if it is nested too deeply.
        """
        self.repeated = None
        value, end = self._scan(text, start)
        if keys_differ(value, text, start, end):
            return value, end
        return self._scan_keys(text, start)

    def problem(self, value: Any, text: str) -> str | None:
        """Why a parsed value cannot be used, or None; `text` is what it was parsed from."""
        if self.repeated is not None:
            return f"the key {self.repeated!r} occurs twice in one object"
        if "\\u" in text and _HALF_ESCAPE.search(text):
            try:
                json.dumps(value, ensure_ascii=False).encode("utf-8")
            except UnicodeEncodeError:
                return _HALF
        return None


def constants_note(count: int) -> list[str]:
    """Note on `NaN` and infinities."""
    return ["NaN and infinities are read as null"] if count else []


def as_record(value: Any) -> dict[str, Any]:
    """Any JSON value as a record with named columns; names lose the white space around them.

    A list of turns is the column `messages`, any other list `column_1, column_2, …`.
    """
    if isinstance(value, dict):
        for key in value:
            if key != key.strip():
                return _stripped(value)
        return value
    if isinstance(value, list):
        if is_conversation(value):
            return {"messages": value}
        return {f"column_{number}": each for number, each in enumerate(value, start=1)}
    return {"value": value}


def is_conversation(value: list[Any]) -> bool:
    """Whether a list holds turns: objects that say who spoke."""
    return bool(value) and all(isinstance(each, dict) and _SPEAKERS & each.keys() for each in value)


def _stripped(record: dict[str, Any]) -> dict[str, Any]:
    """A record with stripped keys, where they still differ and are not empty."""
    names = {key.strip(): value for key, value in record.items()}
    return names if len(names) == len(record) and "" not in names else record


def keys_differ(value: Any, text: str, start: int = 0, end: int | None = None) -> bool:
    """Whether it is certain, without checking each key, that no key occurs twice.

    Each key is followed by a colon, so as many colons as keys leave none for a key that was overwritten.
    Colons inside strings are distinguished by what stands before them, where no key is followed by a space.
    """
    colons = text.count(":", start, end)
    if isinstance(value, dict) and colons == len(value):
        return True  # nothing is nested
    keys = _keys_in(value)
    return colons == keys or (
        text.count('":', start, end) == keys
        and not _SPACED_COLON.search(text, start, len(text) if end is None else end)
    )


def _keys_in(value: Any) -> int:
    """How many keys all objects of a value have."""
    keys, objects = 0, [value]
    for each in objects:  # which grows meanwhile
        if isinstance(each, dict):
            keys += len(each)
            objects += [inner for inner in each.values() if isinstance(inner, _NESTED)]
        elif isinstance(each, list):
            objects += [inner for inner in each if isinstance(inner, _NESTED)]
    return keys
