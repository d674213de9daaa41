"""Gate: the answer is exactly what the task's handler would accept from a model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow

_FENCED = re.compile(r"^\s*```|```\s*$")
_PREFACE = re.compile(
    r"^\s*(?:sure|certainly|of course|okay|here(?:'s| is| are))\b[^\n]{0,60}[:!]\s*\n", re.IGNORECASE
)


def output_contract(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """The example serves the task, its rendered answer reads back, and it keeps its cell's label."""
    rejections = {}
    for row in rows:
        why = _fault(row, context)
        if why:
            rejections[row.index] = why
    return rejections


def _fault(row: GateRow, context: GateContext) -> str | None:
    try:
        code = context.handler.check(row.example)
    except ValueError as error:
        return str(error)
    if code is not None:
        return code
    parsed = context.handler.parse(row.output)
    if parsed.error is not None:
        return parsed.error
    if row.output != row.output.strip():
        return "white space around the answer"
    if _FENCED.search(row.output) and isinstance(row.example.target, str):
        return "the answer is in a code fence"
    if _PREFACE.match(row.output):
        return "the answer begins with a preface"
    label = row.generated.origin.label
    if label is not None and row.example.target != label:
        return f"the label is {row.example.target!r}, the plan asked for {label!r}"
    return None
