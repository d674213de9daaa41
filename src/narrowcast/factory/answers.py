"""A teacher's answer → rows; what cannot be read becomes a row with an error, never nothing."""

from __future__ import annotations

import json
import re
from typing import Any

from narrowcast.teacher.call import Answer

_FENCE = re.compile(r"^\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*$", re.DOTALL)


def rows_of(answer: Answer) -> list[tuple[Any, str | None, str | None]]:
    """Each row as (data, error, raw). At least one, so that every paid answer shows in the ledger."""
    text = answer.text
    if answer.finish == "length":
        return [(None, "the answer was cut at max_tokens", text)]
    value, error = parse_json(text)
    if error is not None:
        return [(None, error, text)]
    rows = value.get("rows") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        return [(None, "the answer holds no list of rows", text)]
    return [(row, None, None) for row in rows] or [(None, "the list of rows is empty", text)]


def parse_json(text: str) -> tuple[Any, str | None]:
    """Strict JSON; a Markdown fence around the whole of it is taken off.

    Returns:
        The value and None, or None and what is wrong.
    """
    fenced = _FENCE.match(text)
    try:
        return json.loads(fenced.group(1) if fenced else text, parse_constant=_refuse_constant), None
    except (ValueError, RecursionError) as error:
        return None, f"the answer is not JSON: {error}"


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
