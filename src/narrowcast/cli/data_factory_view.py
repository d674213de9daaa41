"""What the factory's commands show to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from narrowcast.cli.output import console, next_step, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narrowcast.factory.gating import GateVerdict
    from narrowcast.factory.generation import CellProgress, Spending
    from narrowcast.ops.data.balance import BalanceOutcome
    from narrowcast.ops.data.gate import GateOutcome
    from narrowcast.ops.data.gate_imports import ImportGates
    from narrowcast.ops.data.generate_report import GenerateOutcome, GeneratePreview
    from narrowcast.ops.data.judge import JudgeOutcome

_CELLS_SHOWN = 24


def show_plan(preview: GeneratePreview) -> None:
    """Plan, prompt, estimate."""
    say(f"[bold]{preview.generation}[/]  {preview.writer or 'no teacher is set'}; nothing was sent")
    _cells(preview.cells)
    say(f"  quoted    from {preview.quotable:,} train rows; {preview.held_out:,} held-out rows never leave")
    if preview.estimate:
        cost = preview.estimate
        expected, bound = _money(cost.expected_cost), _money(cost.bound_cost)
        say(
            f"  cost      {cost.calls:,} calls, about {cost.expected_tokens:,} tokens{expected} (estimated); "
            f"at most {cost.bound_tokens:,}{bound}"
        )
    say("\n[bold]The first prompt[/]" if preview.estimate else "")
    console.print(preview.prompt, markup=False)
    next_step("narrowcast data generate")


def show_generation(outcome: GenerateOutcome) -> None:
    """Cells, spending, what is next."""
    record = outcome.record
    say(f"[bold]{record.id}[/]  {record.rows:,} rows by {record.writer} in {outcome.path}")
    _cells(record.cells)
    if record.unreadable:
        say(f"  [yellow]unreadable[/] {record.unreadable:,} answers or rows; the gates will count them")
    if record.source in ("teacher", "label"):
        _spending(record.spending)
    if record.stopped == "cap":
        say("  [yellow]stopped[/]   at the cap; raise --cap-tokens or --cap-cost to go on")
    elif record.stopped == "samples":
        say("  [yellow]stopped[/]   the teacher gives too few readable rows; look at --dry-run's prompt")
    elif record.stopped == "gates":
        say("  [yellow]stopped[/]   the gates turn the teacher's rows away; `data gate --dry-run` says why")
    next_step(f"narrowcast data gate {record.id} --dry-run")


def show_gates(outcome: GateOutcome) -> None:
    """The verdict table."""
    state = "nothing was imported" if outcome.record is None else f"imported as {outcome.record.id}"
    say(f"[bold]{outcome.generation}[/]  {state}")
    _verdicts(outcome.verdicts)
    ledger = outcome.ledger
    balanced = "balanced" if ledger.balanced else "NOT BALANCED"
    say(
        f"  rows      {ledger.rows_in:,} in, {ledger.rows_out:,} pass, "
        f"{sum(ledger.rejected.values()):,} rejected; {balanced}"
    )
    for note in outcome.notes:
        say(f"  [yellow]note[/]      {note}")
    short = [cell for cell in outcome.cells if cell.accepted < cell.quota]
    if short:
        lack = sum(cell.quota - cell.accepted for cell in short)
        say(
            f"  [yellow]short[/]     {lack:,} rows in {len(short)} of {len(outcome.cells)} cells; "
            "`data generate --fill` asks until they pass"
        )
    if outcome.record is None:
        next_step(f"narrowcast data gate {outcome.generation}")
    else:
        say(f"  split     {outcome.into}")
        next_step("narrowcast prepare")


def show_import_gates(outcome: ImportGates) -> None:
    """The verdict table of rows that are imported already."""
    say(f"[bold]{outcome.imported}[/]  {outcome.passed:,} of {outcome.rows:,} rows pass; nothing was changed")
    _verdicts(outcome.verdicts)
    for each in outcome.refused[:10]:
        say(f"  {each.row}  {each.gate}: {each.reason[:80]}")
    for note in outcome.notes:
        say(f"  [yellow]note[/]      {note}")
    if outcome.refused:
        next_step(f"narrowcast data review --reviewer NAME --decide {outcome.refused[0].row}=reject")


def _verdicts(verdicts: Sequence[GateVerdict]) -> None:
    table(
        ["gate", ("seen", "right"), ("rejected", "right"), "for example"],
        [
            (
                each.gate if each.required else f"{each.gate} (optional)",
                f"{each.seen:,}",
                f"{each.rejected:,}" if each.rejected else "",
                each.examples[0] if each.examples else "",
            )
            for each in verdicts
        ],
    )


def show_judgements(outcome: JudgeOutcome) -> None:
    """Scores and refusals."""
    if outcome.dry_run:
        say(f"[bold]{outcome.generation}[/]  {outcome.rows:,} rows for {outcome.judge}; nothing was sent")
        say(f"  cost      at most {outcome.bound_tokens:,} tokens\n\n[bold]The first prompt[/]")
        console.print(outcome.prompt, markup=False)
        return
    say(
        f"[bold]{outcome.generation}[/]  {outcome.judged:,} of {outcome.rows:,} rows judged by "
        f"{outcome.judge}, {outcome.accepted:,} accepted"
    )
    table(["dimension", ("mean of 5", "right")], list(outcome.mean_scores.items()))
    table(["refused because", ("rows", "right")], list(outcome.refused.items()))
    _spending(outcome.spending)
    next_step(f"narrowcast data gate {outcome.generation}")


def show_balance(outcome: BalanceOutcome) -> None:
    """Labels before and after."""
    if outcome.undone:
        say(f"{outcome.rows:,} rows come back with the next prepare")
        next_step("narrowcast prepare")
        return
    table(
        ["label", ("rows", "right"), ("kept", "right"), ("left out", "right"), ("missing", "right")],
        [
            (each.label, each.rows, each.kept, each.left_out or "", each.missing or "")
            for each in outcome.labels
        ],
    )
    say(f"  train     {outcome.rows:,} rows, {outcome.kept:,} kept, {outcome.left_out:,} left out")
    next_step("narrowcast data balance, without --dry-run" if outcome.dry_run else "narrowcast prepare")


def _cells(cells: Sequence[CellProgress]) -> None:
    table(
        ["cell", ("quota", "right"), ("rows", "right"), ("calls", "right")],
        [(cell.name, cell.quota, cell.rows or "", cell.calls or "") for cell in cells[:_CELLS_SHOWN]],
    )
    if len(cells) > _CELLS_SHOWN:
        say(f"  [dim]and {len(cells) - _CELLS_SHOWN} more cells (--json shows all)[/]")
    rows, quota = sum(cell.rows for cell in cells), sum(cell.quota for cell in cells)
    say(f"  cells     {len(cells)}, {rows:,} of {quota:,} rows")


def _spending(spent: Spending) -> None:
    cap = f" of {spent.cap_tokens:,}" if spent.cap_tokens else ""
    say(
        f"  cost      {spent.calls:,} paid calls, {spent.tokens:,}{cap} tokens{_money(spent.cost)}; "
        f"{spent.stored_calls:,} answers from the store"
    )
    if spent.lost_calls:
        say(f"  [yellow]lost[/]      {spent.lost_calls} requests were cut off; counted at their dearest")


def _money(cost: float | None) -> str:
    return "" if cost is None else f", {cost:,.4f} in your currency"
