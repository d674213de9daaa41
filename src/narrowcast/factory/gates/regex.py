"""Optional gate: the whole answer matches a pattern."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from narrowcast.errors import UsageError
from narrowcast.factory.gates.base import GateContext, GateRow


def regex(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Reject answers that `pattern` does not match in full.

    Raises:
        UsageError: if there is no pattern, or it is none.
    """
    if context.options.pattern is None:
        raise UsageError(
            "the gate regex needs a pattern",
            next_command="--pattern 'REGEX'",
            reason_code="factory_request_invalid",
        )
    try:
        pattern = re.compile(context.options.pattern, re.DOTALL)
    except re.error as error:
        raise UsageError(
            f"the pattern is not a regular expression: {error}",
            where=context.options.pattern,
            next_command="--pattern 'REGEX'",
            reason_code="factory_request_invalid",
        ) from error
    return {row.index: f"{row.output[:80]!r}" for row in rows if not pattern.fullmatch(row.output)}
