"""Statistics of columns are those of all rows, though strings are counted some at a time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from narrowcast.core.row import SourceRow
from narrowcast.stages.import_.introspect.profile import MAX_DISTINCT, SAMPLE_ROWS, profile

_CELLS = st.sampled_from(
    ["", "a", "b c", "12", "2024-01-02", "x" * 250, "y z " * 600, None, 1, 2.5, True, ["a"]]
)


def _kind(value: Any) -> str:
    kinds: dict[type, str] = {str: "string", bool: "boolean", list: "list"}
    return kinds.get(type(value), "number")


@given(st.lists(_CELLS, max_size=200))
def test_every_value_is_counted(cells: list[Any]) -> None:
    column = profile(SourceRow(index, {"cell": cell}) for index, cell in enumerate(cells)).columns.get("cell")
    filled = [cell for cell in cells if cell is not None and cell != ""]
    texts = [cell for cell in filled if isinstance(cell, str)]
    if column is None:
        assert not cells
        return
    assert column.filled == len(filled)
    assert list(column.types.items()) == list(Counter(map(_kind, filled)).items())
    assert column.examples == filled[:SAMPLE_ROWS]
    assert column.words == sum(text.count(" ") + 1 for text in texts)
    assert column.characters == sum(map(len, texts))
    assert column.longest == max(map(len, texts), default=0)
    assert (column.numbers, column.dates) == (texts.count("12"), texts.count("2024-01-02"))
    counted = [cell if isinstance(cell, str) else str(cell) for cell in filled if not isinstance(cell, list)]
    values = Counter(text if len(text) <= 200 else hash(text) for text in counted)
    assert list(column.values.items()) == list(values.items())


def test_different_values_are_counted_up_to_a_limit() -> None:
    rows = (SourceRow(n, {"text": f"value {n}"}) for n in range(MAX_DISTINCT + 1))
    column = profile(rows).columns["text"]
    assert (column.open_ended, len(column.values), column.values.total()) == (
        True,
        MAX_DISTINCT,
        MAX_DISTINCT,
    )
    again = profile(SourceRow(n, {"text": f"value {n % MAX_DISTINCT}"}) for n in range(2 * MAX_DISTINCT))
    assert (again.columns["text"].open_ended, again.columns["text"].distinct) == (False, MAX_DISTINCT)
