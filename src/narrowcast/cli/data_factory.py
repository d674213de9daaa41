"""`narrowcast data generate | gate | judge | balance`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, stage_options

if TYPE_CHECKING:
    from narrowcast.core.progress import CancelToken, Progress
    from narrowcast.pipeline.project import Project

GenerationArgument = Annotated[
    str | None, typer.Argument(metavar="[GENERATION]", help="Its id; default the one written last.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; keep nothing.")]
_OPTIONS = "narrowcast.factory.options"


@contextmanager
def _work(project: str | None, as_json: bool) -> Iterator[tuple[Project, Progress, CancelToken]]:
    """The project, a progress display, and the token that ctrl-C sets."""
    from narrowcast.cli.progress import working
    from narrowcast.cli.state import open_project

    opened = open_project(project)
    with working(as_json) as (progress, cancel):
        yield opened, progress, cancel


@stage_options(f"{_OPTIONS}:GenerateOptions")
def generate(
    overrides: dict[str, Any],
    project: ProjectOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Generate rows by the plan: by a teacher under a spending cap, or from templates."""
    from narrowcast.cli.data_factory_view import show_generation, show_plan
    from narrowcast.cli.output import emit
    from narrowcast.ops.data.generate import generate as generate_rows
    from narrowcast.ops.data.generate_report import GenerateOutcome

    with _work(project, as_json) as (opened, progress, cancel):
        done = generate_rows(opened, overrides, dry_run=dry_run, progress=progress, cancel=cancel)
    if isinstance(done, GenerateOutcome):
        outcome = done
        emit(outcome, as_json, lambda: show_generation(outcome))
    else:
        preview = done
        emit(preview, as_json, lambda: show_plan(preview))


@stage_options(f"{_OPTIONS}:GateOptions")
def gate(
    overrides: dict[str, Any],
    generation: GenerationArgument = None,
    project: ProjectOption = None,
    rows: Annotated[
        Path | None, typer.Option(help="Gate the rows of this JSONL file, written elsewhere, instead.")
    ] = None,
    imported: Annotated[
        str | None, typer.Option(help="Only say what the gates think of the rows of this import.")
    ] = None,
    into: Annotated[
        str, typer.Option(help="train: only train on the rows; free: let prepare split them; auto.")
    ] = "auto",
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the gates of generated rows; import what passes, keep the rest with gate and reason."""
    from narrowcast.cli.data_factory_view import show_gates
    from narrowcast.cli.output import emit
    from narrowcast.ops.data.gate import gate as gate_rows
    from narrowcast.ops.data.gate import parse_into

    if imported is not None:
        return _gate_import(project, imported, overrides, as_json)
    where = parse_into(into)
    with _work(project, as_json) as (opened, progress, cancel):
        outcome = gate_rows(
            opened,
            generation,
            overrides,
            rows=rows,
            into=where,
            dry_run=dry_run,
            progress=progress,
            cancel=cancel,
        )
    return emit(outcome, as_json, lambda: show_gates(outcome))


def _gate_import(project: str | None, imported: str, overrides: dict[str, Any], as_json: bool) -> None:
    from narrowcast.cli.data_factory_view import show_import_gates
    from narrowcast.cli.output import emit
    from narrowcast.ops.data.gate_imports import gate_import

    with _work(project, as_json) as (opened, progress, cancel):
        outcome = gate_import(opened, imported, overrides, progress=progress, cancel=cancel)
    emit(outcome, as_json, lambda: show_import_gates(outcome))


@stage_options(f"{_OPTIONS}:JudgeOptions")
def judge(
    overrides: dict[str, Any],
    generation: GenerationArgument = None,
    project: ProjectOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let a model score the rows that pass the gates, by a rubric of seven dimensions."""
    from narrowcast.cli.data_factory_view import show_judgements
    from narrowcast.cli.output import emit
    from narrowcast.ops.data.judge import judge as judge_rows

    with _work(project, as_json) as (opened, progress, cancel):
        outcome = judge_rows(opened, generation, overrides, dry_run=dry_run, progress=progress, cancel=cancel)
    emit(outcome, as_json, lambda: show_judgements(outcome))


@stage_options(f"{_OPTIONS}:BalanceOptions")
def balance(
    overrides: dict[str, Any],
    project: ProjectOption = None,
    undo: Annotated[bool, typer.Option("--undo", help="Let every row back in.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Leave train rows of crowded labels out, by a cap or a target; held-out rows stay as they are."""
    from narrowcast.cli.data_factory_view import show_balance
    from narrowcast.cli.output import emit
    from narrowcast.ops.data.balance import balance as balance_rows
    from narrowcast.ops.data.balance import undo_balance

    with _work(project, as_json) as (opened, _progress, _cancel):
        outcome = undo_balance(opened) if undo else balance_rows(opened, overrides, dry_run=dry_run)
    emit(outcome, as_json, lambda: show_balance(outcome))
