"""`narrowcast gc`."""

from __future__ import annotations

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.ops.requests import GcRequest


@request_command
def gc(request: GcRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show what runs hold on the disk, and remove checkpoints and merged weights that nothing needs."""
    from narrowcast.cli.output import emit, next_step, say, table
    from narrowcast.cli.state import open_project
    from narrowcast.ops.gc import gc as free

    with open_project(project) as opened:
        result = free(opened, request)

    def render() -> None:
        verb = "would remove" if result.dry_run else "removed"
        if result.holdings:
            table(
                ["action", "run", "what", ("MB", "right"), "reason"],
                [
                    (
                        verb if each.removable else "kept",
                        each.run_id,
                        each.what,
                        f"{each.size_bytes / 1e6:,.1f}",
                        each.reason,
                    )
                    for each in result.holdings
                ],
            )
        say(f"{result.freed_bytes / 1e6:,.1f} MB {'would be' if result.dry_run else 'were'} freed")
        if result.dry_run and result.freed_bytes:
            next_step("the same command without --dry-run")

    emit(result, as_json, render)
