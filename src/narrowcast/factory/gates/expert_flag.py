"""Optional gate: rows of a special field wait for an expert (`narrowcast data review --from gates`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from narrowcast.errors import UsageError
from narrowcast.factory.gates.base import GateContext, GateRow


def expert_flag(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Hold back rows whose input or answer matches `expert_pattern`.

    Raises:
        UsageError: if there is no pattern, or it is none.
    """
    text = context.options.expert_pattern
    try:
        pattern = re.compile(text or "", re.IGNORECASE)
    except re.error as error:
        raise _no_pattern(str(error)) from error
    if not text:
        raise _no_pattern("none is given")
    rejections = {}
    for row in rows:
        match = pattern.search(row.text) or pattern.search(row.output)
        if match:
            rejections[row.index] = f"{match.group()[:80]!r} waits for an expert"
    return rejections


def _no_pattern(why: str) -> UsageError:
    return UsageError(
        f"the gate expert_flag has no pattern: {why}",
        where="--expert-pattern",
        next_command="for example --expert-pattern 'dosage|diagnos'",
        reason_code="factory_request_invalid",
    )
