"""`narrowcast data judge`: a model scores the rows that the gates let through."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.factory.candidate import read_candidates
from narrowcast.factory.gates.base import GateRow
from narrowcast.factory.gating import run_gates
from narrowcast.factory.generate import make_call
from narrowcast.factory.generation import GenerationPaths, Spending
from narrowcast.factory.held_out import HeldOutGuard
from narrowcast.factory.judge import DIMENSIONS, SCHEMA, Judgement, judgement
from narrowcast.factory.options import GateOptions, JudgeOptions
from narrowcast.factory.prompts import judge_messages, load_prompt, response_format
from narrowcast.ops.data.gate_context import gate_context
from narrowcast.ops.data.generations import (
    description_of,
    factory_options,
    find_generation,
    prompt_folder,
    spending_of,
    task_of,
    teacher_client,
)
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.files import write_jsonl
from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.client import TeacherClient
from narrowcast.teacher.settings import TeacherSettings


class JudgeOutcome(BaseModel):
    """What the judge said of a generation."""

    dry_run: bool
    generation: str
    judge: str
    rows: int = Field(description="Rows that the required gates let through.")
    judged: int
    accepted: int
    refused: dict[str, int] = Field(description="Refused rows by the first reason.")
    mean_scores: dict[str, float]
    spending: Spending
    bound_tokens: int = Field(default=0, description="In a dry run: the most the calls can use.")
    prompt: str = Field(default="", description="In a dry run: the first prompt.")
    complete: bool = True


def judge(
    project: Project,
    generation: str | None = None,
    overrides: dict[str, Any] | None = None,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> JudgeOutcome:
    """Judge every row that passes the required gates; a row that was judged before is not paid for again.

    Raises:
        UsageError: for wrong options, or where no judge is set.
        DataError: where nothing was generated.
        StageError: where the judge refuses or can not be reached; what was paid for is kept.
    """
    options = factory_options(project, "judge", JudgeOptions, overrides)
    shown, token = progress or NullProgress(), cancel or CancelToken()
    with project.lock("data judge"):
        settings = TeacherSettings.from_environment(model=options.model, offline=project.settings.offline)
        record, paths = find_generation(project, generation)
        gate_options = factory_options(project, "gate", GateOptions, None)
        gate_options = gate_options.model_copy(update={"optional": []})
        context = gate_context(project, record, paths, gate_options, judged=False)
        rows = run_gates(list(read_candidates(paths.rows)), context, shown, token).passed
        calls = _calls(project, rows, settings.model, options, HeldOutGuard(context.held_out))
        if dry_run:
            return _preview(record.id, settings.model, calls)
        run = f"judge-{record.id}"
        with teacher_client(project, settings, run, options, shown, token) as teacher:
            found = _ask(teacher, calls, options, shown)
        spending = spending_of(teacher, options)
        outcome = _write(record.id, settings.model, rows, found, spending, paths)
    shown.finish()
    project.trail.emit(
        StageName.FACTORY,
        "factory_judge_run",
        f"{outcome.accepted:,} of {outcome.judged:,} judged rows are accepted",
        payload=outcome.model_dump(mode="json", exclude={"prompt"}),
        run=record.id,
    )
    return outcome


def _calls(
    project: Project, rows: list[GateRow], model: str, options: JudgeOptions, guard: HeldOutGuard
) -> dict[int, Call]:
    task, description = task_of(project), description_of(project)
    template = load_prompt(prompt_folder(project), "judge")
    form = response_format(options.structured, "judgement", SCHEMA)
    calls = {}
    for row in rows:
        messages = judge_messages(template, task, row.candidate.data, description=description)
        for message in messages:
            guard.check(message.content)
        calls[row.index] = make_call(model, messages, options, form)
    return calls


def _ask(
    teacher: TeacherClient, calls: dict[int, Call], options: JudgeOptions, progress: Progress
) -> dict[int, Judgement]:
    by_key: dict[str, list[int]] = {}
    for index, call in calls.items():
        by_key.setdefault(call.key, []).append(index)
    found: dict[int, Judgement] = {}
    progress.start("asking the judge", len(calls))

    def take(call: Call, answer: Answer) -> None:
        for index in by_key[call.key]:
            found[index] = judgement(index, answer, options)
        cost = {"cost": teacher.cost} if teacher.cost is not None else {}
        progress.advance(1, tokens=teacher.tokens, **cost)

    teacher.ask_all(calls.values(), take)
    return found


def _write(
    generation: str,
    model: str,
    rows: list[GateRow],
    found: dict[int, Judgement],
    spending: Spending,
    paths: GenerationPaths,
) -> JudgeOutcome:
    ordered = [found[index] for index in sorted(found)]
    write_jsonl(paths.judged, (each.model_dump(mode="json") for each in ordered))
    scored = [each for each in ordered if each.scores]
    refused = Counter(each.why.partition(";")[0] for each in ordered if not each.accepted)
    return JudgeOutcome(
        dry_run=False,
        generation=generation,
        judge=model,
        rows=len(rows),
        judged=len(ordered),
        accepted=sum(each.accepted for each in ordered),
        refused=dict(refused.most_common()),
        mean_scores={
            name: round(sum(each.scores[name] for each in scored) / len(scored), 2)
            for name in DIMENSIONS
            if scored
        },
        spending=spending,
        complete=len(ordered) == len(rows),
    )


def _preview(generation: str, model: str, calls: dict[int, Call]) -> JudgeOutcome:
    first = next(iter(calls.values()), None)
    return JudgeOutcome(
        dry_run=True,
        generation=generation,
        judge=model,
        rows=len(calls),
        judged=0,
        accepted=0,
        refused={},
        mean_scores={},
        spending=Spending(),
        bound_tokens=sum(call.prompt_bound + call.completion_bound for call in calls.values()),
        prompt=first.messages[0].content if first else "",
        complete=False,
    )
