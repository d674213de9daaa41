"""The answer of a data-set server: rows beside a description of their columns, which names the classes."""

from __future__ import annotations

import json
from typing import Any

from narrowcast.connectors.values import ClassNames

CUT = "the server cut a cell: "


def served_rows(value: dict[str, Any]) -> tuple[list[dict[str, Any]], str] | None:
    """The rows of `{"features": [...], "rows": [{"row": {...}}]}`, classes by their names; else None.

    A cell that the server cut is null, so that the row is rejected where the cell is needed.
    """
    features, rows = value.get("features"), value.get("rows")
    if not isinstance(features, list) or not isinstance(rows, list) or not rows:
        return None
    if not all(isinstance(each, dict) and isinstance(each.get("row"), dict) for each in rows):
        return None
    described = [each for each in features if isinstance(each, dict) and isinstance(each.get("name"), str)]
    types = {each["name"]: each.get("type") for each in described}
    names = ClassNames(json.dumps({"info": {"features": types}}))
    result = []
    cut = 0
    for each in rows:
        cells = {key: names.plain(key, cell) for key, cell in each["row"].items()}
        named = each.get("truncated_cells")
        missing = [key for key in cells if key in named] if isinstance(named, list) else []
        cut += bool(missing)
        result.append({**cells, **dict.fromkeys(missing)})
    total = value.get("num_rows_total")
    notes = [f"{len(rows):,} rows of a data-set server"]
    if isinstance(total, int) and total > len(rows):  # the first rows of a set come without their number
        notes.append(f"of {total:,} in all")
    if cut:
        notes.append(f"cells that it cut are null in {cut:,} rows")
    return result, ", ".join(notes)
