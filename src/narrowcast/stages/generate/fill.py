"""`--fill`: ask again for what the gates would reject."""

from __future__ import annotations

from collections import Counter

from narrowcast.core.stage import StageContext
from narrowcast.factory.gate_context import gate_context
from narrowcast.factory.gates.base import GateContext
from narrowcast.factory.gating import run_gates
from narrowcast.factory.options import GateOptions
from narrowcast.factory.rounds import PlanRounds
from narrowcast.teacher.client import TeacherClient

# A teacher whose rows the gates reject is not paid forever.
_MOST_ROUNDS = 20
_FRUITLESS_ROUNDS = 3  # in a row, without another row that passes


def fill(
    generation: str, rounds: PlanRounds, teacher: TeacherClient, options: GateOptions, ctx: StageContext
) -> bool:
    """Ask, round after round, for as many rows as each cell lacks after the gates; nothing is imported.

    Returns:
        False where cells are still short although the caps leave room: three rounds brought no row that
        passes, or there were twenty.
    """
    context = gate_context(ctx, options, generation=generation, cells=rounds.progress_by_cell())
    short, fruitless = _short(rounds, context, ctx), 0
    for _ in range(_MOST_ROUNDS):
        if not short or teacher.exhausted or fruitless == _FRUITLESS_ROUNDS:
            break
        rounds.want_more(short)
        rounds.run(teacher, ctx.progress)
        before, short = short, _short(rounds, context, ctx)
        fruitless = fruitless + 1 if sum(short.values()) >= sum(before.values()) else 0
    return not short or teacher.exhausted


def _short(rounds: PlanRounds, context: GateContext, ctx: StageContext) -> dict[str, int]:
    """Cell → rows that it lacks after the gates."""
    passed = run_gates(rounds.rows(None), context, ctx.progress, ctx.cancel).passed
    accepted = Counter(row.generated.origin.cell for row in passed)
    return {name: quota - accepted[name] for name, quota in context.quotas.items() if accepted[name] < quota}
