"""Ask the judge about every row that passes the required gates; a row judged before is not paid for again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from narrowcast.core.generation import Judgement, Spending
from narrowcast.core.progress import Progress
from narrowcast.core.stage import StageContext
from narrowcast.factory.chosen_rows import load_rows
from narrowcast.factory.gate_context import gate_context
from narrowcast.factory.gates.base import GateRow
from narrowcast.factory.gating import run_gates
from narrowcast.factory.held_out import HeldOutGuard, held_out_rows
from narrowcast.factory.options import JudgeOptions
from narrowcast.factory.prompts import judge_messages, response_format
from narrowcast.factory.rounds import make_call
from narrowcast.factory.rubric import DIMENSIONS, SCHEMA, read_judgement
from narrowcast.factory.teacher_run import estimate, open_teacher, spending
from narrowcast.stages.judge.inputs import JudgeInputs
from narrowcast.stages.judge.result import JudgeResult
from narrowcast.store.generations import judgements_path, write_judgements
from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.client import TeacherClient
from narrowcast.teacher.estimate import CostEstimate

_TOKENS_PER_JUDGEMENT = 80  # scores and a reason; for estimates alone


def run(inputs: JudgeInputs, options: JudgeOptions, ctx: StageContext) -> JudgeResult:
    """Replace the judgements of the generation.

    Raises:
        StageError: if the judge refuses or cannot be reached, or a prompt contains the text of a held-out
            row; what was paid for is kept.
        CancelledError: on request; what was paid for is kept.
    """
    rows, calls = _calls(inputs, options, ctx, store=True)
    expected = _estimate(calls, options, ctx)
    with open_teacher(ctx, f"judge-{inputs.generation}", options, "judge") as teacher:
        ctx.progress.note(f"data judge: {expected.sentence}")
        judgements = _ask(teacher, calls, options, ctx.progress)
    write_judgements(ctx.project, inputs.generation, judgements)
    result = _result(inputs, len(rows), judgements, spending(teacher, options))
    result.artifacts = [ctx.project.relative(judgements_path(ctx.project, inputs.generation))]
    result.summary = f"{result.accepted:,} of {result.judged:,} judged rows are accepted"
    result.payload = result.model_dump(
        mode="json",
        exclude={"artifacts", "ledger", "summary", "payload", "prompt", "bound_tokens", "estimate"},
    )
    return result


def preview(inputs: JudgeInputs, options: JudgeOptions, ctx: StageContext) -> JudgeResult:
    """The first prompt, and the most that all calls can use; nothing is sent or written.

    Raises:
        StageError: if a prompt contains the text of a held-out row.
    """
    rows, calls = _calls(inputs, options, ctx, store=False)
    first = next(iter(calls.values()), None)
    return JudgeResult(
        dry_run=True,
        generation=inputs.generation,
        judge=inputs.judge,
        rows=len(rows),
        bound_tokens=sum(call.prompt_bound + call.completion_bound for call in calls.values()),
        estimate=_estimate(calls, options, ctx),
        prompt=first.messages[0].content if first else "",
    )


def _estimate(calls: Mapping[int, Call], options: JudgeOptions, ctx: StageContext) -> CostEstimate:
    different = list({call.key: call for call in calls.values()}.values())
    return estimate(different, len(different) * _TOKENS_PER_JUDGEMENT, options, ctx)


def _calls(
    inputs: JudgeInputs, options: JudgeOptions, ctx: StageContext, *, store: bool
) -> tuple[Sequence[GateRow], dict[int, Call]]:
    """The rows that pass, and a call for each by its number; every prompt is searched for held-out texts."""
    record, generated = load_rows(options, ctx.project, inputs.generation, store=store)
    context = gate_context(ctx, inputs.gates, generation=inputs.generation, cells=record.cells)
    rows = run_gates(generated, context, ctx.progress, ctx.cancel).passed
    guard = HeldOutGuard(held_out_rows(ctx.project))
    form = response_format(options.structured, "judgement", SCHEMA)
    calls = {}
    for row in rows:
        messages = judge_messages(
            inputs.template, inputs.task, row.generated.data, description=inputs.description
        )
        for message in messages:
            guard.check(message.content)
        calls[row.index] = make_call(inputs.judge, messages, options, form)
    return rows, calls


def _ask(
    teacher: TeacherClient, calls: dict[int, Call], options: JudgeOptions, progress: Progress
) -> list[Judgement]:
    """Judgements in the order of the rows; rows that the cap left out have none."""
    by_key: dict[str, list[int]] = {}
    for index, call in calls.items():
        by_key.setdefault(call.key, []).append(index)
    judgements: dict[int, Judgement] = {}
    progress.start("asking the judge", len(calls))

    def take(call: Call, answer: Answer) -> None:
        for index in by_key[call.key]:
            judgements[index] = read_judgement(index, answer, options)
        cost = {"cost": teacher.cost} if teacher.cost is not None else {}
        progress.advance(1, tokens=teacher.tokens, **cost)

    teacher.ask_all(calls.values(), take)
    return [judgements[index] for index in sorted(judgements)]


def _result(inputs: JudgeInputs, rows: int, judgements: Sequence[Judgement], spent: Spending) -> JudgeResult:
    scored = [judgement for judgement in judgements if judgement.scores]
    rejected = Counter(judgement.why.partition(";")[0] for judgement in judgements if not judgement.accepted)
    return JudgeResult(
        generation=inputs.generation,
        judge=inputs.judge,
        rows=rows,
        judged=len(judgements),
        accepted=sum(judgement.accepted for judgement in judgements),
        rejected=dict(rejected.most_common()),
        mean_scores={
            name: round(sum(judgement.scores[name] for judgement in scored) / len(scored), 2)
            for name in DIMENSIONS
            if scored
        },
        spending=spent,
        complete=len(judgements) == rows,
    )
