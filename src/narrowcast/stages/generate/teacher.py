"""Rows of a plan, written by a teacher."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from narrowcast.core.example import Example
from narrowcast.core.generation import GeneratedRow, GenerationRecord
from narrowcast.core.hashing import sha256_hex
from narrowcast.core.stage import StageContext
from narrowcast.core.task import TaskSpec
from narrowcast.factory.brief import declared_task, description, prompt_folder
from narrowcast.factory.gates.settings import PluginGate, plugin_gates
from narrowcast.factory.held_out import HeldOutGuard, held_out_rows, quotable_rows
from narrowcast.factory.options import GateOptions, GenerateOptions
from narrowcast.factory.plan import GenerationPlan, load_plan
from narrowcast.factory.prompts import load_prompt
from narrowcast.factory.rounds import PlanRounds
from narrowcast.factory.teacher_run import estimate, open_teacher, spending, teacher_name
from narrowcast.stages.generate.fill import fill
from narrowcast.stages.generate.result import GeneratePreview
from narrowcast.store.config_file import read_options
from narrowcast.store.generations import generation_id, read_quoted, write_quoted
from narrowcast.teacher.client import TeacherClient

_TOKENS_PER_ROW = 60  # of a short row; for estimates alone
# Options that do not change which rows are asked for make no other generation.
_NOT_CONTENT = {
    "concurrency",
    "attempts",
    "timeout",
    "cap_cost",
    "cap_tokens",
    "price_prompt",
    "price_completion",
}


class TeacherInputs(BaseModel):
    """What decides a teacher's rows."""

    kind: Literal["teacher"] = "teacher"
    writer: str
    task: TaskSpec
    plan: GenerationPlan
    template: str
    description: str
    quotable: list[dict[str, Any]]
    """Rows that prompts may quote, in the stored form of examples."""
    gates: GateOptions | None
    """With `fill`: the gates that the rows are to pass."""
    plugins: list[PluginGate]
    """Those of these gates that plug-ins bring."""


def read_teacher_inputs(options: GenerateOptions, ctx: StageContext) -> tuple[str, TeacherInputs]:
    """Id of the generation, and what it depends on.

    Raises:
        DataError: if task, plan or prompt are missing or wrong.
    """
    task, folder = declared_task(ctx.project), prompt_folder(ctx.project)
    plan, template = load_plan(folder / "plan.yaml", task), load_prompt(folder, "generate")
    about, writer = description(ctx.project), teacher_name(ctx.settings, options)
    generation = generation_id(
        plan=plan.model_dump(mode="json"),
        task=task.model_dump(mode="json"),
        template=sha256_hex(template.encode()),
        description=about,
        model=writer or "(no teacher is set)",
        options=options.model_dump(mode="json", exclude=_NOT_CONTENT),
    )
    gates = read_options(ctx.project.config, "gate", GateOptions) if options.fill else None
    inputs = TeacherInputs(
        writer=writer,
        task=task,
        plan=plan,
        template=template,
        description=about,
        quotable=[row.to_dict() for row in _quotable(generation, options, ctx)],
        gates=gates,
        plugins=plugin_gates(gates) if gates else [],
    )
    return generation, inputs


def ask_for_rows(
    generation: str, inputs: TeacherInputs, options: GenerateOptions, ctx: StageContext
) -> tuple[GenerationRecord, list[GeneratedRow]]:
    """Ask round after round, until every cell is full or the caps leave no room.

    Raises:
        UsageError: if no teacher is set.
        StageError: from the teacher, or where a prompt contains the text of a held-out row.
        CancelledError: on request.
    """
    rounds = _rounds(inputs, options, HeldOutGuard(held_out_rows(ctx.project)))
    with open_teacher(ctx, generation, options) as teacher:
        if expected := preview_rows(generation, inputs, options, ctx).estimate:
            ctx.progress.note(f"data generate: {expected.sentence}")
        write_quoted(ctx.project, generation, inputs.quotable)
        rounds.run(teacher, ctx.progress)
        filled = inputs.gates is None or fill(generation, rounds, teacher, inputs.gates, ctx)
    record = GenerationRecord(
        id=generation,
        source="teacher",
        writer=inputs.writer,
        options=options.model_dump(mode="json"),
        prompt_sha256=sha256_hex(inputs.template.encode()),
        cells=rounds.progress_by_cell(),
        quoted=len(inputs.quotable),
        spending=spending(teacher, options, stored_calls=rounds.stored_calls),
        stopped=_stopped(rounds, teacher, filled),
    )
    return record, rounds.rows(options.price)


def preview_rows(
    generation: str, inputs: TeacherInputs, options: GenerateOptions, ctx: StageContext
) -> GeneratePreview:
    """The plan, the first prompt, and what the first round may cost."""
    held_out = held_out_rows(ctx.project)
    rounds = _rounds(inputs, options, HeldOutGuard(held_out))
    calls = [planned.call for planned in rounds.round()]
    target = sum(cell.goal for cell in rounds.work)
    return GeneratePreview(
        generation=generation,
        writer=inputs.writer,
        cells=rounds.progress_by_cell(),
        quotable=len(inputs.quotable),
        held_out=len(held_out),
        prompt=calls[0].messages[0].content if calls else "",
        estimate=estimate(calls, target * _TOKENS_PER_ROW, options, ctx),
    )


def _quotable(generation: str, options: GenerateOptions, ctx: StageContext) -> list[Example]:
    """The rows that were quotable when this generation began: later splits must not change its calls."""
    if not options.examples:
        return []
    held_out = held_out_rows(ctx.project)
    quoted = read_quoted(ctx.project, generation)
    if quoted is None:
        return quotable_rows(ctx.project, held_out)
    guard = HeldOutGuard(held_out)
    return [row for row in quoted if not guard.forbids(row)]


def _rounds(inputs: TeacherInputs, options: GenerateOptions, guard: HeldOutGuard) -> PlanRounds:
    return PlanRounds(
        inputs.task,
        inputs.plan,
        options,
        model=inputs.writer or "(no teacher is set)",
        template=inputs.template,
        description=inputs.description,
        quotable=[Example.from_dict(row) for row in inputs.quotable],
        guard=guard,
    )


def _stopped(
    rounds: PlanRounds, teacher: TeacherClient, filled: bool
) -> Literal["", "cap", "samples", "gates"]:
    if teacher.exhausted:
        return "cap"
    if rounds.short_of_samples:
        return "samples"
    return "" if filled else "gates"
