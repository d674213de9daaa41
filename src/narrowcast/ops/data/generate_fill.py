"""`narrowcast data generate --fill`: ask again for what the gates would turn away."""

from __future__ import annotations

from collections import Counter

from narrowcast.core.progress import CancelToken, Progress
from narrowcast.factory.gates.base import GateContext
from narrowcast.factory.gating import run_gates
from narrowcast.factory.generate import PlanWork
from narrowcast.factory.generation import GenerationPaths, GenerationRecord
from narrowcast.factory.options import GateOptions
from narrowcast.ops.data.gate_context import gate_context
from narrowcast.ops.data.generations import factory_options
from narrowcast.pipeline.project import Project
from narrowcast.teacher.client import TeacherClient

# A teacher whose rows the gates refuse is not paid for ever.
_MOST_ROUNDS = 20
_IN_VAIN = 3  # rounds in a row that bring no row that passes


def fill(
    project: Project, work: PlanWork, teacher: TeacherClient, paths: GenerationPaths, shown: Progress,
    cancel: CancelToken,
) -> bool:  # fmt: skip
    """Round after round, ask for as many rows as each cell lacks behind the gates; nothing is imported.

    Returns:
        False where cells are still short although the caps leave room: three rounds brought no row that
        passes, or there were twenty.
    """
    options = factory_options(project, "gate", GateOptions, None)
    # The gates know the quotas by it.
    record = GenerationRecord(id=paths.id, source="teacher", writer="", cells=work.progress_by_cell())
    context = gate_context(project, record, paths, options, judged=False)
    short, in_vain = _short(work, context, shown, cancel), 0
    for _ in range(_MOST_ROUNDS):
        if not short or teacher.exhausted or in_vain == _IN_VAIN:
            break
        work.want_more(short)
        work.run(teacher, shown)
        before, short = short, _short(work, context, shown, cancel)
        in_vain = in_vain + 1 if sum(short.values()) >= sum(before.values()) else 0
    return not short or teacher.exhausted


def _short(work: PlanWork, context: GateContext, shown: Progress, cancel: CancelToken) -> dict[str, int]:
    """Rows that each cell lacks behind the gates."""
    passed = run_gates(work.candidates(None), context, shown, cancel).passed
    accepted = Counter(row.candidate.origin.cell for row in passed)
    return {name: quota - accepted[name] for name, quota in context.quotas.items() if accepted[name] < quota}
