"""The teacher of a run: who it is, the process that makes its calls, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.core.generation import Spending
from narrowcast.core.settings import Settings
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.errors import UsageError
from narrowcast.factory.competence import require_competent
from narrowcast.factory.options import TeacherOptions
from narrowcast.store.generations import call_store_path
from narrowcast.teacher.call import Call
from narrowcast.teacher.client import TeacherClient, Terms
from narrowcast.teacher.competence import Role
from narrowcast.teacher.estimate import CostEstimate, expected_cost
from narrowcast.teacher.settings import TeacherSettings


def teacher_name(settings: Settings, options: TeacherOptions) -> str:
    """The model that would be asked; empty where no teacher is set or its address is refused."""
    try:
        return TeacherSettings.of(settings, model=options.model).model
    except UsageError:
        return ""


def open_teacher(
    ctx: StageContext, run: str, options: TeacherOptions, role: Role = "teacher"
) -> TeacherClient:
    """Start the process that makes the paid calls of `run`; a context manager.

    Raises:
        UsageError: if no teacher is set.
        StageError: if the model fails the questions of its role.
        ProjectBusyError: if requests of an earlier run do not end.
        WorkspaceError: if the store of paid answers is damaged.
    """
    require_competent(ctx, role, options, options.price)
    return TeacherClient(
        TeacherSettings.of(ctx.settings, model=options.model),
        call_store_path(ctx.project),
        Terms(
            run=run,
            caps=options.caps,
            price=options.price,
            attempts=options.attempts,
            concurrency=options.concurrency,
            timeout=options.timeout,
        ),
        Work(ctx.progress, ctx.cancel),
    )


def spending(teacher: TeacherClient, options: TeacherOptions, *, stored_calls: int = 0) -> Spending:
    """What the run has cost so far."""
    return Spending(
        calls=teacher.spent.answered,
        stored_calls=stored_calls,
        lost_calls=teacher.spent.lost,
        tokens=teacher.tokens,
        cost=teacher.cost,
        cap_tokens=options.cap_tokens,
        cap_cost=options.cap_cost,
    )


def estimate(
    calls: Sequence[Call], answer_tokens: int, options: TeacherOptions, ctx: StageContext
) -> CostEstimate:
    """What these calls would cost, if their answers came to `answer_tokens` tokens in all."""
    store = call_store_path(ctx.project)
    return expected_cost(calls, answer_tokens, options.price, options.concurrency, store)
