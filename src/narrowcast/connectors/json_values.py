"""Strict JSON: NaN, half surrogates and repeated keys are found, never passed on as something else."""

from __future__ import annotations

import json
from typing import Any


def refuse_constant(name: str) -> Any:
    """For `parse_constant`: NaN and the infinities are no JSON."""
    raise ValueError(f"{name} has no JSON form")


class JsonReader:
    """Parses values; `repeated` names a key that stood twice in an object of the last value.

    The standard parser keeps the last of two equal keys and forgets the others; which one was meant can not
    be told from the file.
    """

    def __init__(self) -> None:
        self.repeated: str | None = None
        decoder = json.JSONDecoder(parse_constant=refuse_constant, object_pairs_hook=self._object)
        self._scan = decoder.raw_decode

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            self.repeated = next(key for key in keys if keys.count(key) > 1)
        return found

    def parse(self, text: str, start: int = 0) -> tuple[Any, int]:
        """The value that begins at `start`, and where it ends.

        Raises:
            JSONDecodeError: where the text is no JSON.
            ValueError: for NaN, infinities and numbers of thousands of digits.
            RecursionError: where it is nested too deeply.
        """
        self.repeated = None
        return self._scan(text, start)

    def problem(self, value: Any, text: str) -> str | None:
        """Why a parsed value can not be used, or None; `text` is what it was parsed from."""
        if self.repeated is not None:
            return f"the key {self.repeated!r} stands twice in one object"
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
