"""Values as JSON text and back: what the standard library writes and reads, in less time.

Plain values are encoded by pydantic's serialiser and texts decoded by its parser, where the result is the
same; everything else goes through the standard library.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any

from pydantic_core import from_json, to_json

decode_strictly: Callable[[str | bytes], Any] = partial(from_json, allow_inf_nan=False)
"""The value of a whole text, the same as that of `json.loads`.

It refuses some texts that `json.loads` reads: NaN and infinities, half surrogates, values nested about two
hundred deep. Callers hand what it refuses to the standard parser, which reads it or says what is wrong.

Raises (the function):
    ValueError: if it refuses the text.
    TypeError: if the text itself, a string, holds half a surrogate pair.
"""

quoted: Callable[[str], str] = json.encoder.encode_basestring
"""The JSON of a text."""


def line_encoder(*, allow_nan: bool = True) -> Callable[[Any], str]:
    """A function that writes a value as one line of JSON, with nothing to be set up for each call.

    `json.dumps` with options of its own builds an encoder each time, and `JSONEncoder.encode` half of one.

    Raises (the function):
        ValueError: for NaN and infinities, unless they are allowed.
        TypeError: for what JSON cannot hold.
    """
    encoder = json.JSONEncoder(
        ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=allow_nan
    )
    build: Any = getattr(json.encoder, "c_make_encoder", None)
    if build is None:  # an interpreter without the C module
        return encoder.encode
    chunks = build(None, encoder.default, quoted, None, ":", ",", False, False, allow_nan)
    return lambda value: "".join(chunks(value, 0))


_encode = line_encoder()
_encode_strictly = line_encoder(allow_nan=False)
_NAN = float("nan")
_PLAIN = {str, int, bool, type(None)}


def encode_all(values: Sequence[Any], *, allow_nan: bool = True) -> list[str]:
    """The JSON of each value, in half the time of one call of the encoder for each.

    Raises:
        ValueError: for NaN and infinities, unless they are allowed.
        TypeError: for what JSON cannot hold.
    """
    kinds = set(map(type, values))
    if kinds == {str}:
        return list(map(quoted, values))
    if kinds == {dict} and _are_flat(values):
        with suppress(ValueError):  # half a surrogate pair
            return [to_json(value).decode("utf-8") for value in values]
    return _encode_together(values, allow_nan) if values else []


def _are_flat(objects: Sequence[dict[Any, Any]]) -> bool:
    """Whether these hold texts, integers, booleans and None alone.

    Of other values pydantic's serialiser writes something of its own: 1e-7 for 1e-07, dates, sets.
    """
    if not set(map(type, chain.from_iterable(objects))) <= {str}:
        return False
    return set(map(type, chain.from_iterable(map(dict.values, objects)))) <= _PLAIN


def _encode_together(values: Sequence[Any], allow_nan: bool) -> list[str]:
    """The JSON of each value by one call of the encoder.

    They are encoded as one list, with NaN between them to mark where each ends. Where the values hold the
    letters NaN themselves, each is encoded by itself.
    """
    marked: list[Any] = [_NAN] * (2 * len(values) - 1)
    marked[::2] = values
    text = _encode(marked)
    if text.count("NaN") == len(values) - 1 and (allow_nan or "Infinity" not in text):
        return text[1:-1].split(",NaN,")
    return list(map(_encode if allow_nan else _encode_strictly, values))
