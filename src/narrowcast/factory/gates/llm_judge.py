"""Optional gate: the judge's scores reach the acceptance rule (`narrowcast data judge` asks for them)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from narrowcast.errors import UsageError
from narrowcast.factory.gates.base import GateContext, GateRow


def llm_judge(rows: Sequence[GateRow], context: GateContext) -> Mapping[int, str]:
    """Reject rows that the judge rejected, and rows that it has not seen.

    Raises:
        UsageError: if nothing was judged.
    """
    if context.judgements is None:
        raise UsageError(
            "no row of this generation was judged",
            next_command="narrowcast data judge",
            reason_code="factory_request_invalid",
        )
    verdicts = {row.index: context.judgements.get(row.index, "not judged") for row in rows}
    return {index: why for index, why in verdicts.items() if why}
