"""What the last evaluation said of a model, for people."""

from __future__ import annotations

from narrowcast.cli.output import console
from narrowcast.core.verdict import Conclusion, RunVerdict

_STYLES = {
    "ahead": "green",
    "lost": "red",
    "failed": "red",
    "undecided": "yellow",
    "not_compared": "yellow",
    "unknown": "red",
    "outdated": "yellow",
}


def show_verdict(verdict: RunVerdict | None) -> None:
    """The verdict on a run, or that there is none."""
    if verdict is None:
        console.print("[yellow]verdict[/]   none: it was not evaluated on test rows")
    else:
        show_conclusion(verdict.conclusion)


def show_conclusion(conclusion: Conclusion) -> None:
    """One line: the standing and its reasons."""
    style = _STYLES[conclusion.standing]
    console.print(f"[{style}]verdict[/]   {conclusion.standing.replace('_', ' ')}: ", end="")
    console.print(conclusion.sentence, markup=False, soft_wrap=True)
