"""What the factory's commands show to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from narrowcast.cli.output import console, next_step, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narrowcast.core.generation import CellProgress, Spending
    from narrowcast.factory.gating import GateVerdict
    from narrowcast.stages.balance import BalanceResult
    from narrowcast.stages.gate.audit import AuditResult
    from narrowcast.stages.gate.result import GateResult
    from narrowcast.stages.generate.result import GeneratePreview, GenerateResult
    from narrowcast.stages.judge.result import JudgeResult

_MAX_CELLS = 24


def show_preview(preview: GeneratePreview) -> None:
    """Plan, prompt and estimate."""
    say(f"[bold]{preview.generation}[/]  {preview.writer or 'no teacher is set'}; nothing was sent")
    _cells(preview.cells)
    say(f"  quoted    from {preview.quotable:,} train rows; no held-out row ({preview.held_out:,}) is sent")
    if preview.estimate:
        say(f"  forecast  {preview.estimate.sentence}")
    say("\n[bold]The first prompt[/]" if preview.estimate else "")
    console.print(preview.prompt, markup=False)
    if preview.writer:
        next_step("the same command without --dry-run")
    else:
        next_step("set NARROWCAST_TEACHER_URL and NARROWCAST_TEACHER_MODEL, then narrowcast data generate")


def show_generation(result: GenerateResult) -> None:
    """Cells, spending and the next command."""
    record = result.record
    say(f"[bold]{record.id}[/]  {record.rows:,} rows by {record.writer} in {result.path}")
    _cells(record.cells)
    if record.unreadable:
        say(f"  [yellow]unreadable[/] {record.unreadable:,} answers or rows; the gates count them")
    if record.source in ("teacher", "label"):
        _spending(record.spending)
    if record.stopped == "cap":
        say("  [yellow]stopped[/]   at the cap; raise --cap-tokens or --cap-cost to continue")
    elif record.stopped == "samples":
        say("  [yellow]stopped[/]   the teacher returns too few readable rows; see the prompt with --dry-run")
    elif record.stopped == "gates":
        say("  [yellow]stopped[/]   the gates reject the teacher's rows; `data gate --dry-run` says why")
    next_step(f"narrowcast data gate {record.id} --dry-run")


def show_gates(result: GateResult) -> None:
    """The verdict table."""
    state = "nothing was imported" if result.record is None else f"imported as {result.record.id}"
    if result.replaced:
        state += f", in the place of {', '.join(result.replaced)}"
    say(f"[bold]{result.generation}[/]  {state}")
    _verdicts(result.verdicts)
    ledger = result.ledger
    balanced = "balanced" if ledger.balanced else "NOT BALANCED"
    say(
        f"  rows      {ledger.rows_in:,} in, {ledger.rows_out:,} pass, "
        f"{sum(ledger.rejected.values()):,} rejected; {balanced}"
    )
    for note in result.notes:
        say(f"  [yellow]note[/]      {note}")
    short = [cell for cell in result.cells if cell.accepted < cell.quota]
    if short:
        lack = sum(cell.quota - cell.accepted for cell in short)
        say(
            f"  [yellow]short[/]     {lack:,} rows in {len(short)} of {len(result.cells)} cells; "
            "`data generate --fill` asks for more"
        )
    if result.record is None:
        next_step(f"narrowcast data gate {result.generation}")
    else:
        say(f"  split     {result.into}")
        next_step("narrowcast prepare")


def show_audit(result: AuditResult) -> None:
    """The verdict table of rows that are already imported."""
    say(f"[bold]{result.imported}[/]  {result.passed:,} of {result.rows:,} rows pass; nothing was changed")
    _verdicts(result.verdicts)
    for each in result.rejections[:10]:
        say(f"  {each.row}  {each.gate}: {each.reason[:80]}")
    for note in result.notes:
        say(f"  [yellow]note[/]      {note}")
    if result.rejections:
        next_step(f"narrowcast data review --reviewer NAME --decide {result.rejections[0].row}=reject")


def _verdicts(verdicts: Sequence[GateVerdict]) -> None:
    table(
        ["gate", ("seen", "right"), ("rejected", "right"), "example"],
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


def show_judgements(result: JudgeResult) -> None:
    """Scores and rejections."""
    if result.dry_run:
        say(f"[bold]{result.generation}[/]  {result.rows:,} rows for {result.judge}; nothing was sent")
        if result.estimate:
            say(f"  forecast  {result.estimate.sentence}")
        say("\n[bold]The first prompt[/]")
        console.print(result.prompt, markup=False)
        return
    say(
        f"[bold]{result.generation}[/]  {result.judged:,} of {result.rows:,} rows judged by "
        f"{result.judge}, {result.accepted:,} accepted"
    )
    table(["dimension", ("mean of 5", "right")], list(result.mean_scores.items()))
    table(["rejection reason", ("rows", "right")], list(result.rejected.items()))
    _spending(result.spending)
    next_step(f"narrowcast data gate {result.generation}")


def show_balance(result: BalanceResult) -> None:
    """Labels before and after."""
    if result.undone:
        say(f"{result.rows:,} rows will be restored by the next prepare")
        next_step("narrowcast prepare")
        return
    table(
        ["label", ("rows", "right"), ("kept", "right"), ("left out", "right"), ("missing", "right")],
        [
            (each.label, each.rows, each.kept, each.left_out or "", each.missing or "")
            for each in result.labels
        ],
    )
    say(f"  train     {result.rows:,} rows, {result.kept:,} kept, {result.left_out:,} left out")
    next_step("narrowcast data balance, without --dry-run" if result.dry_run else "narrowcast prepare")


def _cells(cells: Sequence[CellProgress]) -> None:
    table(
        ["cell", ("quota", "right"), ("rows", "right"), ("calls", "right")],
        [(cell.name, cell.quota, cell.rows or "", cell.calls or "") for cell in cells[:_MAX_CELLS]],
    )
    if len(cells) > _MAX_CELLS:
        say(f"  [dim]and {len(cells) - _MAX_CELLS} more cells (--json shows all)[/]")
    rows, quota = sum(cell.rows for cell in cells), sum(cell.quota for cell in cells)
    say(f"  cells     {len(cells)}, {rows:,} of {quota:,} rows")


def _spending(spent: Spending) -> None:
    cap = f" of {spent.cap_tokens:,}" if spent.cap_tokens else ""
    say(
        f"  cost      {spent.calls:,} paid calls, {spent.tokens:,}{cap} tokens{_money(spent.cost)}; "
        f"{spent.stored_calls:,} answers from the store"
    )
    if spent.lost_calls:
        say(f"  [yellow]lost[/]      {spent.lost_calls} requests were cut off; each counts at its maximum")


def _money(cost: float | None) -> str:
    return "" if cost is None else f", {cost:,.4f} in your currency"
