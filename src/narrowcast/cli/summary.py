"""The final table, for people."""

from __future__ import annotations

from rich.text import Text

from narrowcast.cli.output import console, say, table
from narrowcast.core.hashing import short
from narrowcast.ops.summary import Summary, SummaryRow

_MEGABYTE = 1e6


def show_summary(summary: Summary) -> None:
    """Print the table of models, the conclusion and what to do next."""
    say("")
    title = f"{summary.project}: {summary.primary} on {summary.n} {summary.split} rows"
    table(
        [
            "model",
            (summary.primary or "metric", "right"),
            "95 % interval",
            ("latency", "right"),
            ("size", "right"),
        ],
        [_cells(row) for row in summary.rows],
        title=title,
    )
    looked = "once" if summary.looks == 1 else f"{summary.looks} times"
    say(
        f"[dim]data set {short(summary.dataset_version)}; its {summary.split} split was looked at {looked}[/]"
    )
    balance = "[green]balances[/]" if summary.ledger_balanced else "[red]does not balance[/]"
    say(f"row ledger {balance}; {summary.conclusion}")
    for number, step in enumerate(summary.next):
        console.print("[bold]next:[/] " if number == 0 else "      ", end="")
        console.print(step, markup=False, soft_wrap=True)


def _cells(row: SummaryRow) -> list[object]:
    style = "bold" if row.model.name in ("run", "gguf") else ""
    size = f"{row.size_bytes / _MEGABYTE:.1f} MB" if row.size_bytes else "-"
    return [
        Text(row.name, style=style),
        Text(f"{row.metric.value:.3f}", style=style),
        f"{row.metric.low:.3f} – {row.metric.high:.3f}",
        f"{row.latency_p50_ms:.1f} ms",
        size,
    ]
