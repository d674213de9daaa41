"""Optional gate: the answer satisfies a pydantic model of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError

from narrowcast.errors import UsageError
from narrowcast.factory.gates.base import GateContext, GateRow
from narrowcast.factory.gates.reference import load_reference


def pydantic_model(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Validate each answer as JSON.

    Raises:
        UsageError: if `pydantic_model` names no model.
    """
    model = load_reference(context.options.pydantic_model, "pydantic_model")
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise UsageError(
            "pydantic_model names no pydantic model",
            where=str(context.options.pydantic_model),
            next_command="--pydantic-model MODULE:CLASS",
            reason_code="factory_request_invalid",
        )
    rejections = {}
    for row in rows:
        try:
            model.model_validate_json(row.output)
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(str(part) for part in fault["loc"]) or "the answer"
            rejections[row.index] = f"{place}: {fault['msg']}"
    return rejections
