"""The terminal's review: one row at a time, one key per decision, each stored immediately."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from narrowcast.cli.output import console, next_step, say, table

if TYPE_CHECKING:
    from narrowcast.pipeline.project import Project
    from narrowcast.review.agreement import Agreement
    from narrowcast.review.decide import Decided, ReviewItem, ReviewState

_KEYS = "\\[a]ccept  \\[e]dit  \\[r]eject  \\[s]kip  \\[q]uit"


class Screen:
    """Asks until the queue is empty or the reviewer leaves; the next run continues where this one stopped."""

    def __init__(self, project: Project, reviewer: str) -> None:
        self._project = project
        self._reviewer = reviewer

    def run(self) -> None:
        """Decide row by row."""
        from narrowcast.review.decide import review_state
        from narrowcast.review.requests import QueueViewRequest

        whole = QueueViewRequest(reviewer=self._reviewer, show=None)
        state = review_state(self._project, whole)
        if not state.open:
            show_state(state)
            return
        for number, item in enumerate(state.open, start=1):
            show_item(item, f"{state.decided + number} of {state.queued}")
            if not self._ask(item):
                break
        show_state(review_state(self._project, whole.model_copy(update={"show": 0})))

    def _ask(self, item: ReviewItem) -> bool:
        """One decision; False where the reviewer leaves."""
        from narrowcast.errors import NarrowcastError
        from narrowcast.review.decide import decide
        from narrowcast.review.requests import DecideRequest

        while True:
            try:
                key = console.input(f"{_KEYS}  > ").strip().lower()
                if key in ("q", "quit"):
                    return False
                if key in ("s", "skip"):
                    return True
                choice = self._choice(item, key)
            except EOFError:
                return False
            if choice is None:
                continue
            try:
                decide(self._project, DecideRequest(choices=[choice], reviewer=self._reviewer))
            except NarrowcastError as error:
                say(f"[red]{escape(str(error))}[/]")
                continue
            return True

    def _choice(self, item: ReviewItem, said: str) -> Any:
        from narrowcast.cli.data_review import parse_edit
        from narrowcast.review.requests import Choice

        if said in ("a", "accept"):
            return Choice(id=item.id, decision="accept")
        if said in ("r", "reject"):
            return Choice(
                id=item.id,
                decision="reject",
                note=console.input("note (may be empty) > ").strip(),
            )
        if said in ("e", "edit"):
            target, inputs = parse_edit(console.input("new target, or {inputs, target} as JSON > "))
            return Choice(id=item.id, decision="edit", target=target, inputs=inputs)
        return None


def show_item(item: ReviewItem, place: str) -> None:
    """The row as the model would see it, or its record where no mapper took it."""
    body = Text()
    content = item.inputs if item.inputs is not None else item.record or {}
    for name, value in content.items():
        body.append(f"{name}  ", style="bold")
        body.append(f"{_plain(value)}\n")
    body.append("target  ", style="bold")
    body.append(
        _plain(item.target) if item.inputs is not None else "none: the row was rejected", style="green"
    )
    why = f"{item.why}: {item.detail}" if item.detail else item.why
    console.print(Panel(body, title=escape(f"{item.id}  {place}"), subtitle=escape(why), title_align="left"))


def show_state(state: ReviewState) -> None:
    """Counts, agreement, open rows."""
    say(f"[bold]{escape(state.reviewer)}[/] has decided {state.decided:,} of {state.queued:,} queued rows")
    if state.verdicts:
        counts = ", ".join(f"{count:,} {decision}" for decision, count in sorted(state.verdicts.items()))
        say(f"  all reviewers together: {counts}")
    show_agreement(state.agreement)
    if state.open:
        rows = [
            (item.id, item.why, _cut(item.inputs or item.record), _cut(item.target)) for item in state.open
        ]
        table(["row", "reason", "input", "target"], rows)
        next_step(f"narrowcast data review --decide {state.open[0].id}=accept")
    elif state.decided < state.queued:
        next_step("narrowcast data review, to continue")
    elif state.queued:
        next_step("narrowcast prepare")
    else:
        next_step("narrowcast data review --from sample --count 50")


def show_agreement(pairs: list[Agreement]) -> None:
    """One line per pair of reviewers."""
    if not pairs:
        return
    table(
        ["reviewers", ("rows", "right"), ("agreed", "right"), ("Cohen's kappa", "right"), "differ on"],
        [
            (
                " and ".join(each.reviewers),
                f"{each.rows:,}",
                f"{each.agreed:.0%}",
                "not defined" if each.kappa is None else f"{each.kappa:.2f}",
                ", ".join(each.differing[:5]),
            )
            for each in pairs
        ],
    )


def show_decided(done: Decided) -> None:
    """The decisions that were stored."""
    counts = ", ".join(f"{count:,} {decision}" for decision, count in done.decisions.items())
    say(f"{escape(done.reviewer)}: {counts}{'  (dry run: nothing was stored)' if done.dry_run else ''}")
    if done.rescued:
        say(f"  restored rows: import [bold]{done.rescued}[/]")
    show_agreement(done.state.agreement)
    next_step("narrowcast prepare")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _cut(value: Any, length: int = 90) -> str:
    flat = " ".join(_plain(value).split())
    return flat if len(flat) <= length else f"{flat[: length - 1]}…"
