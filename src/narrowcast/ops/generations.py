"""The factory: generate rows, judge them, apply the gates, balance the labels."""

from __future__ import annotations

from typing import cast

from narrowcast.core.concerns import ROWS
from narrowcast.core.generation import GenerationRecord
from narrowcast.core.work import Work
from narrowcast.errors import DataError
from narrowcast.factory.gates.settings import merged_settings
from narrowcast.factory.requests import BalanceRequest, GateRequest, GenerateRequest, JudgeRequest
from narrowcast.pipeline.execute import refuse_unasked_code, stage_options
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.stages.balance import STAGE as BALANCE
from narrowcast.stages.balance import BalanceResult
from narrowcast.stages.gate import STAGE as GATE
from narrowcast.stages.gate.audit import AUDIT, AuditResult
from narrowcast.stages.gate.result import GateResult
from narrowcast.stages.generate import STAGE as GENERATE
from narrowcast.stages.generate.result import GeneratePreview, GenerateResult
from narrowcast.stages.judge import STAGE as JUDGE
from narrowcast.stages.judge.result import JudgeResult
from narrowcast.store import generations as stored
from narrowcast.store.balance import read_left_out, remove_left_out


def generate(
    project: Project, request: GenerateRequest, work: Work | None = None
) -> GenerateResult | GeneratePreview:
    """Generate rows. Answers that were paid for before are not asked for again.

    Raises:
        UsageError: for wrong options, or where no teacher is set.
        DataError: if task, plan, prompt, templates or texts are missing or wrong.
        StageError: if the teacher refuses or cannot be reached; what was paid for is kept.
        CancelledError: on request; what was paid for is kept.
    """
    runner, options = project.runner(work), stage_options(project, GENERATE, request.options)
    if request.dry_run:
        return cast(GeneratePreview, runner.preview(GENERATE, options))
    return runner.run(GENERATE, options, force=request.force)


def gate(project: Project, request: GateRequest, work: Work | None = None) -> GateResult | AuditResult:
    """Apply the gates: rows that pass become an import, every other row is kept with gate and reason.

    A generation has one import; where something that its rows depend on changed, a new one takes its place.

    Raises:
        UsageError: for wrong options, or an optional gate without its setting.
        DataError: if there are no rows, another import has them, or none passes.
        StageError: if a gate of a plug-in fails.
        CancelledError: on request; nothing is imported.
    """
    runner = project.runner(work)
    kept = project.config.stage_options("gate")
    given = dict(request.options)
    if given.get("settings"):
        given["settings"] = merged_settings(kept.get("settings"), given["settings"])
    if request.imported is not None:
        refuse_unasked_code(project, AUDIT, request.options, "gate")
        audit = stage_options(project, AUDIT, {**kept, **given, "imported": request.imported})
        if request.dry_run:
            return cast(AuditResult, runner.preview(AUDIT, audit))
        return runner.run(AUDIT, audit, force=request.force)
    options = stage_options(project, GATE, given)
    if request.dry_run:
        return cast(GateResult, runner.preview(GATE, options))
    return runner.run(GATE, options, force=request.force)


def judge(project: Project, request: JudgeRequest, work: Work | None = None) -> JudgeResult:
    """Score every row that passes the required gates; a row judged before is not paid for again.

    Raises:
        UsageError: for wrong options, or where no judge is set.
        DataError: if nothing was generated.
        StageError: if the judge refuses or cannot be reached; what was paid for is kept.
        CancelledError: on request; what was paid for is kept.
    """
    runner, options = project.runner(work), stage_options(project, JUDGE, request.options)
    if request.dry_run:
        return cast(JudgeResult, runner.preview(JUDGE, options))
    return runner.run(JUDGE, options, force=request.force)


def balance(project: Project, request: BalanceRequest, work: Work | None = None) -> BalanceResult:
    """Choose the train rows that prepare is to leave out.

    Raises:
        UsageError: if the task has no labels, or neither cap nor target is given.
        DataError: if no data set was prepared.
    """
    runner, options = project.runner(work), stage_options(project, BALANCE, request.options)
    if request.dry_run:
        return cast(BalanceResult, runner.preview(BALANCE, options))
    return runner.run(BALANCE, options, force=request.force)


def undo_balance(project: Project) -> BalanceResult:
    """Let every row that balancing left out come back with the next prepare.

    Raises:
        DataError: if nothing is balanced.
    """
    with project.lock("data balance", ROWS):
        left_out = read_left_out(project.paths)
        if left_out is None:
            raise DataError(
                "nothing is balanced in this project",
                where=project.slug,
                next_command="narrowcast data balance --cap N",
                reason_code="factory_rows_missing",
            )
        remove_left_out(project.paths)
    message = f"the next prepare restores {len(left_out.rows):,} rows"
    project.trail.emit(StageName.FACTORY, "factory_balance_undone", message)
    return BalanceResult(undone=True, rows=len(left_out.rows))


def generations(project: Project) -> list[GenerationRecord]:
    """Every generation, in the order in which they were written."""
    return stored.generations(project.paths)
