"""`narrowcast prepare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from narrowcast.cli.stage import stage_command
from narrowcast.core.hashing import short
from narrowcast.ops.requests import PrepareRequest

if TYPE_CHECKING:
    from narrowcast.stages.prepare import PrepareResult


@stage_command(PrepareRequest, "narrowcast.ops.prepare:prepare", "narrowcast.stages.prepare:STAGE")
def prepare(result: PrepareResult) -> None:
    """Split the imported rows into train, dev and test.

    Groups and near-duplicates stay within one split.
    """
    from narrowcast.cli.output import next_step, say, table

    labelled = any(each.labels is not None for each in result.splits)
    columns: list[str | tuple[str, str]] = ["split", ("rows", "right"), ("groups", "right")]
    rows = [[each.split.value, f"{each.rows:,}", f"{each.groups:,}"] for each in result.splits]
    if labelled:
        columns.append(("labels", "right"))
        rows = [[*row, str(each.labels)] for row, each in zip(rows, result.splits, strict=True)]
    say(f"[bold]Data set {short(result.version)}[/]  {result.manifest}")
    table(columns, rows)
    ledger = result.ledger
    if ledger is not None:
        rejected = ", ".join(f"{count:,} {reason}" for reason, count in ledger.rejected.items()) or "none"
        say(f"  rows      {ledger.rows_in:,} in, {ledger.rows_out:,} in the splits; rejected: {rejected}")
    leaks = result.leakage
    say(
        f"  leakage   {leaks.exact_inputs_shared} exact, {leaks.near_duplicates_shared} near-duplicate, "
        f"{leaks.edited_copies_shared} edited copies, {leaks.groups_shared} groups shared with train "
        f"({leaks.checked_pairs:,} comparisons)"
    )
    if leaks.semantic_shared is not None:
        say(f"  meaning   {leaks.semantic_shared:,} held-out rows that train has in other words")
    for warning in result.warnings:
        say(f"  [yellow]warning[/]   {warning}")
    next_step("narrowcast baseline")
