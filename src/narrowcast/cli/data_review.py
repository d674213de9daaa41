"""`narrowcast data review`: decide about rows, at the terminal or in one batch."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from narrowcast.cli.options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from narrowcast.review.decide import Choice


def review(
    source: Annotated[
        Literal["sample", "rejects", "gates", "conflicts", "low_confidence"] | None,
        typer.Option("--from", help="Put more rows into the queue first."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="So many rows at most.")] = 20,
    reason: Annotated[str | None, typer.Option(help="Of rejects or gates, this reason alone.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the sample.")] = 0,
    reviewer: Annotated[str | None, typer.Option(help="Who decides; default NARROWCAST_ACTOR.")] = None,
    decisions: Annotated[
        list[str] | None,
        typer.Option("--decide", help="ID=accept, ID=reject or ID=edit:TARGET; may be repeated."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check --decide, keep nothing.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept, edit or reject rows; every decision is kept with its reviewer, and prepare follows them.

    An edit is a new target, as text or JSON, or {"inputs": ..., "target": ...}. Without --decide and without
    a terminal the open rows are printed.
    """
    from narrowcast.cli.data_review_screen import Screen, show_decided, show_state
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.review.decide import decide, review_state
    from narrowcast.review.sources import fill_queue

    opened = open_project(project)
    name = reviewer or opened.settings.actor
    choices = [parse_choice(each) for each in decisions or ()]
    if source is not None:
        fill_queue(opened, source, count=count, seed=seed, reason=reason)
    if choices:
        done = decide(opened, choices, name, dry_run=dry_run)
        emit(done, as_json, lambda: show_decided(done))
    elif as_json or not sys.stdin.isatty():
        state = review_state(opened, name, show=count)
        emit(state, as_json, lambda: show_state(state))
    else:
        Screen(opened, name).run()


def parse_choice(text: str) -> Choice:
    """`imp-1:4=accept`, `imp-1:4=reject`, `imp-1:4=edit:billing`, `imp-1:4=edit:{"target": ...}`.

    Raises:
        UsageError: for anything else.
    """
    from narrowcast.errors import UsageError
    from narrowcast.review.decide import Choice

    row_id, equals, said = text.partition("=")
    word, _, edit = said.partition(":")
    if equals and row_id and said in ("accept", "reject"):
        return Choice(row_id, "accept" if said == "accept" else "reject")
    if equals and row_id and word == "edit" and edit.strip():
        target, inputs = parse_edit(edit)
        return Choice(row_id, "edit", target, inputs)
    raise UsageError(
        f"{text[:80]!r} is no decision",
        where="--decide",
        next_command="for example --decide imp-5b3b5a41:7=reject or --decide imp-5b3b5a41:7=edit:billing",
        reason_code="dataset_request_invalid",
    )


def parse_edit(text: str) -> tuple[Any, dict[str, Any] | None]:
    """Target and inputs; text that is no JSON object or list is the target as it stands."""
    stripped = text.strip()
    if stripped[:1] not in ("{", "["):
        return stripped, None
    try:
        value = json.loads(stripped)
    except ValueError:
        return stripped, None
    if isinstance(value, dict) and "target" in value and set(value) <= {"inputs", "target"}:
        return value["target"], value.get("inputs")
    return value, None
