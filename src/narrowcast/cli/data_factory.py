"""`narrowcast data generate | gate | judge | balance`."""

from __future__ import annotations

from typing import Annotated

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.factory.requests import BalanceRequest, GateRequest, GenerateRequest, JudgeRequest


@request_command
def generate(request: GenerateRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Generate rows with a teacher or from templates.

    The plan says how many rows each cell gets; a spending cap limits what the teacher may cost.
    """
    from narrowcast.cli.data_factory_view import show_generation, show_preview
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.ops.generations import generate as generate_rows
    from narrowcast.stages.generate.result import GeneratePreview

    with open_project(project) as opened, terminal_work(as_json) as work:
        result = generate_rows(opened, request, work)
    if isinstance(result, GeneratePreview):
        preview = result
        emit(preview, as_json, lambda: show_preview(preview))
        if not preview.writer:
            raise typer.Exit(2)  # as the generation would end: no teacher is set
    else:
        generated = result
        emit(generated, as_json, lambda: show_generation(generated))


@request_command
def gate(request: GateRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Check generated rows with the row gates; import what passes.

    A rejected row is kept with its gate and reason.
    """
    from narrowcast.cli.data_factory_view import show_audit, show_gates
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.ops.generations import gate as gate_rows
    from narrowcast.stages.gate.audit import AuditResult

    with open_project(project) as opened, terminal_work(as_json) as work:
        result = gate_rows(opened, request, work)
    if isinstance(result, AuditResult):
        audit = result
        emit(audit, as_json, lambda: show_audit(audit))
    else:
        gated = result
        emit(gated, as_json, lambda: show_gates(gated))


@request_command
def judge(request: JudgeRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Let a model score the rows that pass the row gates.

    The rubric has seven dimensions.
    """
    from narrowcast.cli.data_factory_view import show_judgements
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.ops.generations import judge as judge_rows

    with open_project(project) as opened, terminal_work(as_json) as work:
        result = judge_rows(opened, request, work)
    emit(result, as_json, lambda: show_judgements(result))


@request_command
def balance(
    request: BalanceRequest,
    project: ProjectOption = None,
    undo: Annotated[bool, typer.Option("--undo", help="Restore all rows that were left out.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Leave out train rows of the largest labels.

    Held-out rows stay as they are.
    """
    from narrowcast.cli.data_factory_view import show_balance
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import open_project
    from narrowcast.ops.generations import balance as balance_rows
    from narrowcast.ops.generations import undo_balance

    with open_project(project) as opened, terminal_work(as_json) as work:
        result = undo_balance(opened) if undo else balance_rows(opened, request, work)
    emit(result, as_json, lambda: show_balance(result))
