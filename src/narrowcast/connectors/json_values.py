"""Strict JSON: NaN, half surrogates and repeated keys are found, never passed on as something else."""

from __future__ import annotations

import json
import re
from typing import Any

_SPACED_COLON = re.compile(r"[ \t\n\r]:")


def refuse_constant(name: str) -> Any:
    """For `parse_constant`: NaN and the infinities are no JSON."""
    raise ValueError(f"{name} has no JSON form")


class JsonReader:
    """Parses values; `repeated` names a key that stood twice in an object of the last value.

    The standard parser keeps the last of two equal keys and forgets the others; which one was meant, the
    file does not say.
    """

    def __init__(self) -> None:
        self.repeated: str | None = None
        self._scan = json.JSONDecoder(parse_constant=refuse_constant).raw_decode
        exact = json.JSONDecoder(parse_constant=refuse_constant, object_pairs_hook=self._object)
        self._scan_keys = exact.raw_decode

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
            ValueError: for NaN, infinities and numbers of thousands of digits.
            RecursionError: if it is nested too deeply.
        """
        self.repeated = None
        value, end = self._scan(text, start)
        if _keys_differ(value, text, start, end):
            return value, end
        return self._scan_keys(text, start)

    def problem(self, value: Any, text: str) -> str | None:
        """Why a parsed value cannot be used, or None; `text` is what it was parsed from."""
        if self.repeated is not None:
            return f"the key {self.repeated!r} occurs twice in one object"
        if "\\u" in text:
            try:
                json.dumps(value, ensure_ascii=False).encode("utf-8")
            except UnicodeEncodeError:
                return "a \\u escape is half a surrogate pair"
        return None


def as_record(value: Any) -> dict[str, Any]:
    """Any JSON value as a record with named columns."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {f"column_{number}": each for number, each in enumerate(value, start=1)}
    return {"value": value}


def _keys_differ(value: Any, text: str, start: int, end: int) -> bool:
    """Whether it is certain, without checking each key, that no key occurs twice.

    Each key is followed by a colon, so as many colons as keys leave none for a key that was overwritten.
    Colons inside strings are distinguished by what stands before them, where no key is followed by a space.
    """
    keys = len(value) if isinstance(value, dict) else 0
    return text.count(":", start, end) == keys or (
        text.count('":', start, end) == keys and not _SPACED_COLON.search(text, start, end)
    )
