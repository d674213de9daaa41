"""The final table, for people."""

from __future__ import annotations

from rich.text import Text

from narrowcast.cli.output import next_step, say, table
from narrowcast.core.hashing import short
from narrowcast.experiments.tournament.result import Entry, Tournament
from narrowcast.ops.summary import Summary, SummaryRow

_MEGABYTE = 1e6


def show_summary(summary: Summary) -> None:
    """Print the table of models, the conclusion and what to do next."""
    say("")
    if summary.tournament is not None:
        _show_tournament(summary.tournament)
    if summary.rows:
        _show_models(summary)
    elif summary.dataset_version:
        say(f"[bold]{summary.project}[/]: data set {short(summary.dataset_version)} is prepared")
    balance = "[green]balances[/]" if summary.ledger_balanced else "[red]does not balance[/]"
    say(f"row ledger {balance}; {summary.conclusion}")
    for step in summary.next:
        next_step(step)


def _show_tournament(held: Tournament) -> None:
    names = (held.metric, "95 % interval", "latency", "size", "minutes")
    numbers = [(name, "right") for name in names]
    rows = [_entrant(each, chosen=each.run_id == held.chosen) for each in held.entries]
    title = f"tournament: {held.metric} on {held.n:,} dev rows"
    table(["entrant", *numbers, "front"], rows, title=title)
    for each in held.entries:
        if each.left_out:
            say(f"[yellow]{'not chosen' if each.run_id else 'not trained'}:[/] {each.name}: {each.left_out}")
    say(held.sentence)
    say(
        "[dim]front: no other entrant is as good, as fast and as small; latency: of the median answer in a "
        "batch, so 1,000 answers take as many seconds as it has milliseconds[/]"
    )


def _entrant(each: Entry, *, chosen: bool) -> list[object]:
    style = "bold green" if chosen else ""
    score, latency = each.score, each.latency_p50_ms
    return [
        Text(each.name, style=style),
        Text(f"{score.value:.3f}" if score else "-", style=style),
        f"{score.low:.3f} – {score.high:.3f}" if score else "-",
        f"{latency:.1f} ms" if latency is not None else "-",
        f"{each.size_bytes / _MEGABYTE:.1f} MB" if each.size_bytes else "-",
        f"{each.minutes:,.1f}",
        "yes" if each.front else "",
    ]


def _show_models(summary: Summary) -> None:
    from narrowcast.evaluation.markdown import groups_text
    from narrowcast.models.predictors.load import model_title

    groups = groups_text(summary.n, summary.groups)
    title = f"{summary.project}: {summary.primary} on {summary.n} {summary.split} rows{groups}"
    numbers = [(name, "right") for name in (summary.primary or "metric", "95 % interval", "latency", "size")]
    table(["model", *numbers], [_cells(row) for row in summary.rows], title=title)
    accesses = "1 access" if summary.looks == 1 else f"{summary.looks} accesses"
    version = short(summary.dataset_version)
    say(f"[dim]data set {version}; {accesses} to its {summary.split} split[/]")
    if summary.rows_drawn:
        say(f"[dim]measured on {summary.rows_drawn}[/]")
    for each in summary.quick:
        say(f"[yellow]warning[/] {each}")
    for absent in summary.unmeasured:
        say(f"[yellow]not measured:[/] {model_title(absent.model)} ({absent.reason}): {absent.command}")
    if summary.left_out:
        say(f"[dim]measured on other rows, so not in this table: {', '.join(summary.left_out)}[/]")


def _cells(row: SummaryRow) -> list[object]:
    style = "bold" if row.model.name == "run" or row.model.is_file else ""
    size = f"{row.size_bytes / _MEGABYTE:.1f} MB" if row.size_bytes else "-"
    return [
        Text(row.name, style=style),
        Text(f"{row.metric.value:.3f}", style=style),
        f"{row.metric.low:.3f} – {row.metric.high:.3f}",
        f"{row.latency_p50_ms:.1f} ms",
        size,
    ]
