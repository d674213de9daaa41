"""`narrowcast demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from narrowcast.cli.options import JsonOption

if TYPE_CHECKING:
    from narrowcast.core.progress import Progress
    from narrowcast.demo.answers import ShownAnswer
    from narrowcast.demo.loop import DemoResult, Step


def demo(
    project: Annotated[
        str, typer.Option("--project", "-p", metavar="NAME", help="Name of the project; created if missing.")
    ] = "demo",
    base: Annotated[str, typer.Option("--base", metavar="TEXT", help="Base model.")] = "embedded",
    as_json: JsonOption = False,
) -> None:
    """Run the whole pipeline on the built-in task, offline, in minutes.

    The task turns a support message into a JSON ticket.
    """
    from narrowcast.cli import state
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.core.work import Work
    from narrowcast.demo.loop import run_demo
    from narrowcast.demo.project import open_demo

    opened = open_demo(state.settings(), project, base)
    state.work_on(opened.slug)
    if not as_json:
        introduce(str(opened.paths.root), base)
    with opened, terminal_work(as_json) as work:
        on_step = None if as_json else show_step
        result = run_demo(opened, Work(_BarsOnly(work.progress), work.cancel), on_step=on_step)
    emit(result, as_json, lambda: conclude(result))


class _BarsOnly:
    """Progress without its notes: the demo says in its own words what happened."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def start(self, description: str, total: int | None = None) -> None:
        """Begin a phase."""
        self._progress.start(description, total)

    def advance(self, units: int = 1, **fields: str | float) -> None:
        """Units done."""
        self._progress.advance(units, **fields)

    def note(self, text: str) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """End the phase."""
        self._progress.finish()


def introduce(path: str, base: str) -> None:
    """What is about to happen, and where."""
    from narrowcast.cli.output import say

    say("[bold]narrowcast demo[/]  support message in, JSON ticket out")
    say(f"[dim]project {path}, base model {base}[/]\n")


def show_step(step: Step) -> None:
    """One finished step with its figures."""
    from rich.table import Table
    from rich.text import Text

    from narrowcast.cli.output import console

    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=9)
    grid.add_column(width=74)
    grid.add_column(justify="right", width=7)
    took = "kept" if step.kept else f"{step.seconds:.0f} s"
    for number, line in enumerate(step.lines):
        first = number == 0
        grid.add_row(
            Text(step.title if first else "", style="bold cyan"),
            Text(line),
            Text(took if first else "", style="dim"),
        )
    console.print(grid)


def conclude(result: DemoResult) -> None:
    """Two answers, the table, what to do next."""
    from narrowcast.cli.output import next_step, say
    from narrowcast.cli.summary import show_summary

    for answer in result.answers:
        _show_answer(answer)
    show_summary(result.summary)
    next_step("narrowcast init NAME, then data import --auto and run: the same pipeline on your own rows")
    minutes, seconds = divmod(round(result.seconds), 60)
    say(f"[dim]{minutes} min {seconds} s in total[/]")


def _show_answer(answer: ShownAnswer) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from narrowcast.cli.output import console

    right = not answer.wrong_fields
    heading = "a test message with a right answer" if right else "and one with a wrong answer"
    console.print(f"\n[bold]{heading}[/]")
    console.print(Padding(Text(" ".join(answer.message.split()), style="italic"), (0, 4, 0, 2)))
    console.print(Padding(Text(answer.answer, style="green" if right else "yellow"), (0, 4, 0, 2)))
    for name in answer.wrong_fields:
        console.print(f"  [dim]{name} should be[/] {answer.expected[name]}", highlight=False)
