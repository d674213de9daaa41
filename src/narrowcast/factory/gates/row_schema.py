"""Gate: required fields exist, no others do, enumerated values are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from narrowcast.factory.gates.base import GateContext, GateRow


def row_schema(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Check each row against the JSON Schema of the task's rows."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    validator = Draft202012Validator(context.shape.schema)
    rejections = {}
    for row in rows:
        error = best_match(validator.iter_errors(row.generated.data))
        if error is not None:
            place = ".".join(str(part) for part in error.absolute_path) or "the row"
            rejections[row.index] = f"{place}: {error.message[:200]}"
    return rejections
