"""Quick JSON: what it reads and writes is what the standard library reads and writes, to the letter."""

from __future__ import annotations

import json
import math
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from narrowcast.store.json_text import decode_strictly, encode_all

_ANY_TEXT = st.text(st.characters())  # half surrogates included
_TEXTS = _ANY_TEXT | st.sampled_from(
    ["NaN", ",NaN,", "Infinity", "é\u2028\x7f", '"\\/\x00\x1f\b\f\n\r\t', "😀"]
)
_PLAIN = st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | _TEXTS
_JSON = st.recursive(
    _PLAIN | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?", fullmatch=True)
_SPACES = st.text(st.sampled_from(" \t\r\n"), max_size=2)


def _shown(value: Any) -> str:
    """Equal for two values only if types, signs of zeros and orders of keys are equal as well."""
    return repr(value)


def _same_or_refused(text: str) -> None:
    try:
        found = decode_strictly(text)
    except (ValueError, TypeError):
        return
    assert _shown(found) == _shown(json.loads(text))
    assert _shown(decode_strictly(text.encode("utf-8"))) == _shown(found)


@given(_JSON, st.booleans(), _SPACES, _SPACES)
def test_a_value_is_read_as_the_standard_parser_reads_it(
    value: Any, ascii_only: bool, before: str, after: str
) -> None:
    _same_or_refused(f"{before}{json.dumps(value, ensure_ascii=ascii_only)}{after}")


@given(_NUMBERS)
@example("-0")
@example("-0.0")
@example("1e400")
@example("2.2250738585072011e-308")
@example("9007199254740993")
@example("9007199254740992.99999999999999999999")
@example("-9223372036854775809")
@example("1" * 4300)
def test_a_number_is_read_to_its_last_digit(text: str) -> None:
    assert _shown(decode_strictly(text)) == _shown(json.loads(text))


@given(st.floats(-1e300, 1e300))
def test_a_float_is_rounded_correctly_halfway_between_two(value: float) -> None:
    with localcontext(prec=1_200):
        halfway = (Decimal(value) + Decimal(math.nextafter(value, math.inf))) / 2
    for text in (f"{Decimal(value):f}", f"{halfway:f}", f"{halfway:.1100f}1", f"{halfway:e}"):
        assert _shown(decode_strictly(text)) == _shown(json.loads(text))


@given(st.text(st.sampled_from('{}[]",:\\u0dD8cC19-+.eE \t\x01aé'), max_size=12))
def test_other_text_is_refused_or_read_as_before(text: str) -> None:
    _same_or_refused(text)


@given(_JSON, st.data())
def test_a_text_with_a_letter_changed_is_refused_or_read_as_before(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value)
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from('{}[]",:\\u0d18-+.eE \x00Nn'))
    _same_or_refused(text[:place] + letter + text[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "NaN", "[-Infinity]", '"\\ud800"', '"\\udc00\\ud800"', "1" * 4301, "[" * 300 + "]" * 300],
        *['{"a":1,}', "[1 2]", "1 2", "'a'", "01", "+1", ".5", "1.", "\ufeff1", "\xa01", '"\t"', "/**/1"],
    ],
)
def test_these_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        decode_strictly(text)


@given(
    st.lists(st.dictionaries(_TEXTS, _PLAIN, max_size=3), max_size=4)
    | st.lists(_TEXTS, max_size=4)
    | st.lists(st.dictionaries(_TEXTS | st.integers() | st.none(), _JSON, max_size=3), max_size=4)
    | st.lists(_JSON, max_size=4)
)
@example([{"a": 1e-7, "b": "x"}])
@example([{"a": "\ud800"}, {"\udc00": 1}])
@example([{"a": ("tuple",)}])
@example([{1: "a", None: "b"}, {True: "c"}])
def test_values_are_encoded_as_the_standard_encoder_does(values: list[Any]) -> None:
    assert encode_all(values) == [
        json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values
    ]


@pytest.mark.parametrize("value", [{1, 2}, b"a", 1j, object()])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    for values in ([value], [{"a": "x"}, {"a": value}]):
        with pytest.raises(TypeError, match="not JSON serializable"):
            encode_all(values)


class _Text(str):
    """A text of a class of its own."""


def test_a_text_of_a_class_of_its_own_is_a_text() -> None:
    assert encode_all([{_Text("a"): _Text("b")}, {"a": _Text("c")}]) == ['{"a":"b"}', '{"a":"c"}']
