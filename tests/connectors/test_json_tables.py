"""JSON documents as other tools write them."""

import json
from pathlib import Path
from typing import Any

import pytest

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator

ROWS = [{"text": f"text {n}", "label": "xy"[n % 2]} for n in range(30)]
BY_COLUMN = {name: {str(n): row[name] for n, row in enumerate(ROWS)} for name in ("text", "label")}
SPLIT = {"columns": ["text", "label"], "data": [list(row.values()) for row in ROWS]}
DOCUMENTS: dict[str, tuple[Any, Any]] = {
    "pandas": (BY_COLUMN, ROWS),
    "pandas split": ({**SPLIT, "index": list(range(30))}, ROWS),
    "pandas with named rows": (
        {name: {f"row {n}": row[name] for n, row in enumerate(ROWS)} for name in ("text", "label")},
        ROWS,
    ),
    "splits in a wrapper": (
        {"version": 2, "data": {"train": ROWS[:20], "test": ROWS[20:]}},
        [{**row, "split": "train" if n < 20 else "test"} for n, row in enumerate(ROWS)],
    ),
    "conversations without a name": (
        [[{"role": "user", "content": f"hi {n}"}, {"role": "assistant", "content": "ho"}] for n in range(3)],
        [
            {"messages": [{"role": "user", "content": f"hi {n}"}, {"role": "assistant", "content": "ho"}]}
            for n in range(3)
        ],
    ),
    "split without an index": (SPLIT, ROWS),
    "a lone list": ({"AddToPlaylist": ROWS}, [{**row, "key": "AddToPlaylist"} for row in ROWS]),
    "a lone list of a split": ({"train": ROWS}, [{**row, "split": "train"} for row in ROWS]),
    "a wrapped list": ({"data": ROWS}, ROWS),
    "a list among others": ({"version": 1, "mine": ROWS}, ROWS),
    "plain values": (
        {f"id{n}": "yes" for n in range(20)},
        [{"key": f"id{n}", "value": "yes"} for n in range(20)],
    ),
    "one object": ({"a": 1, "b": "x"}, [{"a": 1, "b": "x"}]),
    "objects by id": (
        {"q1": {"text": "a"}, "q2": {"text": "b"}},
        [{"key": "q1", "text": "a"}, {"key": "q2", "text": "b"}],
    ),
    "objects of other numbers": (
        {"1": {"7": "a"}, "2": {"8": "b"}},
        [{"key": "1", "7": "a"}, {"key": "2", "8": "b"}],
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_rows_of_a_document(tmp_path: Path, name: str) -> None:
    document, rows = DOCUMENTS[name]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document, indent=1))
    assert [row.data for row in connect(Locator("file", str(path))).load()] == rows


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.jsonl", json.dumps(ROWS)),
        ("x.json", f"{json.dumps(ROWS[:10])}\n{json.dumps(ROWS[10:], indent=2)}"),
        ("x.json", ",\n".join(json.dumps(row, indent=2) for row in ROWS)),
    ],
    ids=["one list in one line", "lists one behind the other", "objects with commas and no brackets"],
)
def test_rows_of_a_document_in_pieces(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert [row.data for row in connect(Locator("file", str(path))).load()] == ROWS
