"""`narrowcast data review`: decide about rows, at the terminal or in one batch."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.review.requests import Choice, ReviewRequest

if TYPE_CHECKING:
    from narrowcast.pipeline.project import Project


@request_command
def review(request: ReviewRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Accept, edit or reject rows; prepare applies the decisions.

    An edit is a new target, as text or JSON, or {"inputs": ..., "target": ...}. Each decision is stored with
    its reviewer. Without --decide and without
    a terminal the open rows are printed.
    """
    from narrowcast.cli.state import open_project
    from narrowcast.review.requests import QueueRequest
    from narrowcast.review.sources import fill_queue

    choices = [parse_choice(each) for each in request.decisions]
    with open_project(project) as opened:
        if request.source is not None:
            more = {name: getattr(request, name) for name in QueueRequest.model_fields}
            fill_queue(opened, QueueRequest.model_validate(more))
        _decide(opened, request, choices, as_json=as_json)


def _decide(project: Project, request: ReviewRequest, choices: list[Choice], *, as_json: bool) -> None:
    """The decisions of the command line, or a screen that asks for them, or what is open."""
    from narrowcast.cli.data_review_screen import Screen, show_decided, show_state
    from narrowcast.cli.output import emit
    from narrowcast.review.decide import decide, review_state
    from narrowcast.review.requests import DecideRequest, QueueViewRequest

    name = request.reviewer or project.settings.actor
    if choices:
        done = decide(project, DecideRequest(choices=choices, reviewer=name, dry_run=request.dry_run))
        emit(done, as_json, lambda: show_decided(done))
    elif as_json or not sys.stdin.isatty():
        state = review_state(project, QueueViewRequest(reviewer=name, show=request.count))
        emit(state, as_json, lambda: show_state(state))
    else:
        Screen(project, name).run()


def parse_choice(text: str) -> Choice:
    """`imp-1:4=accept`, `imp-1:4=reject`, `imp-1:4=edit:billing`, `imp-1:4=edit:{"target": ...}`.

    Raises:
        UsageError: for anything else.
    """
    from narrowcast.errors import UsageError

    row_id, equals, decision = text.partition("=")
    word, _, edit = decision.partition(":")
    if equals and row_id and decision in ("accept", "reject"):
        return Choice(id=row_id, decision="accept" if decision == "accept" else "reject")
    if equals and row_id and word == "edit" and edit.strip():
        target, inputs = parse_edit(edit)
        return Choice(id=row_id, decision="edit", target=target, inputs=inputs)
    raise UsageError(
        f"{text[:80]!r} is not a decision",
        where="--decide",
        next_command="for example --decide imp-5b3b5a41:7=reject or --decide imp-5b3b5a41:7=edit:billing",
        reason_code="dataset_request_invalid",
    )


def parse_edit(text: str) -> tuple[Any, dict[str, Any] | None]:
    """Target and inputs; text that is not a JSON object or list is the target itself."""
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
