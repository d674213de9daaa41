"""Repeated keys are found whatever colons, spaces and nesting the text has."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from narrowcast.connectors.json_values import JsonReader

_TEXTS = st.text(st.sampled_from('ab:" \\\t'), max_size=4)
_COLONS = st.sampled_from([":", ": ", " :", "\t:", " : ", "  :"])


def _object(pairs: list[tuple[str, str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}{colon}{value}" for key, colon, value in pairs) + "}"


_VALUES = st.recursive(
    _TEXTS.map(json.dumps) | st.sampled_from(["1", "null", "[]", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{','.join(each)}]")
        | st.lists(st.tuples(_TEXTS, _COLONS, inner), max_size=3).map(_object)
    ),
    max_leaves=8,
)


@given(_VALUES)
@example('{"a" :1,"a":"\\": "}')
@example('{"a":{"b":1,"b":2}}')
@example('{"a":1,"b":": "}')
def test_a_repeated_key_is_found(text: str) -> None:
    repeated = []

    def looked_at(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        repeated.extend(key for key in keys if keys.count(key) > 1)
        return dict(pairs)

    value = json.loads(text, object_pairs_hook=looked_at)
    reader = JsonReader()
    assert reader.parse(text) == (value, len(text))
    assert (reader.repeated is None) == (not repeated)
    assert reader.repeated is None or reader.repeated in repeated
