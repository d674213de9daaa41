"""The teacher of a run: who it is, the process that makes its calls, and what they cost."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from narrowcast.core.generation import Spending
from narrowcast.core.progress_lines import duration
from narrowcast.core.settings import Settings
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.errors import UsageError
from narrowcast.factory.competence import require_competent
from narrowcast.factory.options import TeacherOptions
from narrowcast.store.generations import call_store_path
from narrowcast.teacher.budget import Caps
from narrowcast.teacher.call import Call
from narrowcast.teacher.client import TeacherClient, Terms
from narrowcast.teacher.competence import Role
from narrowcast.teacher.settings import Price, TeacherSettings
from narrowcast.teacher.store import answer_seconds

_CHARACTERS_PER_TOKEN = 4  # of English text; for estimates alone


class CostEstimate(BaseModel):
    """What a run would cost; the bound is certain, the expectation a guess."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    calls: int
    expected_tokens: int
    expected_cost: float | None
    bound_tokens: int
    """The most these calls can use; caps are held against such bounds."""
    bound_cost: float | None
    expected_seconds: float | None = None
    """From the answers that the project has of this model; None where there are none."""
    concurrency: int = 1

    @property
    def sentence(self) -> str:
        """Calls, tokens, money and time in words."""
        expected, bound = _money(self.expected_cost), _money(self.bound_cost)
        time = "time not known before the first answers of this model"
        if self.expected_seconds is not None:
            time = f"about {duration(self.expected_seconds)}, {self.concurrency} calls at a time"
        tokens = f"about {self.expected_tokens:,} tokens{expected}, at most {self.bound_tokens:,}{bound}"
        return f"{self.calls:,} calls, {tokens}; {time}"


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
    require_competent(ctx, role, options, price_of(options))
    return TeacherClient(
        TeacherSettings.of(ctx.settings, model=options.model),
        call_store_path(ctx.project),
        Terms(
            run=run,
            caps=Caps(tokens=options.cap_tokens, cost=options.cap_cost),
            price=price_of(options),
            attempts=options.attempts,
            concurrency=options.concurrency,
            timeout=options.timeout,
        ),
        Work(ctx.progress, ctx.cancel),
    )


def price_of(options: TeacherOptions) -> Price | None:
    """The prices given; None counts tokens alone."""
    if options.price_prompt is None or options.price_completion is None:
        return None
    return Price(prompt=options.price_prompt, completion=options.price_completion)


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


def _money(cost: float | None) -> str:
    return "" if cost is None else f" ({cost:,.4f} in your currency)"


def estimate(
    calls: Sequence[Call], answer_tokens: int, options: TeacherOptions, ctx: StageContext
) -> CostEstimate:
    """What these calls would cost, if their answers came to `answer_tokens` tokens in all."""
    model = calls[0].model if calls else ""
    taken = answer_seconds(call_store_path(ctx.project), model)
    rounds = -(-len(calls) // options.concurrency)
    price = price_of(options)
    characters = sum(len(message.content) for call in calls for message in call.messages)
    prompt = characters // _CHARACTERS_PER_TOKEN
    bounds = sum(call.prompt_bound for call in calls), sum(call.completion_bound for call in calls)
    return CostEstimate(
        calls=len(calls),
        expected_tokens=prompt + answer_tokens,
        expected_cost=price.of(prompt, answer_tokens) if price else None,
        bound_tokens=sum(bounds),
        bound_cost=price.of(*bounds) if price else None,
        expected_seconds=rounds * statistics.median(taken) if taken else None,
        concurrency=options.concurrency,
    )
