"""`narrowcast runs`, `narrowcast runs list` and `narrowcast runs show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.core.hashing import short
from narrowcast.ops.requests import RunViewRequest

if TYPE_CHECKING:
    from narrowcast.core.run import RunManifest
    from narrowcast.ops.show_run import RunView

app = typer.Typer(help="List and show the training runs.")
# Of the recipe, what decides most; --json has all of it.
_SHOWN = (
    "objective", "epochs", "learning_rate", "batch_size", "micro_batch_size", "layout", "word_dropout",
    "lora_rank", "lora_alpha", "scheduler", "precision", "early_stopping", "select_by",
)  # fmt: skip


@app.callback(invoke_without_command=True)
def runs(context: typer.Context, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the finished training runs, or show one."""
    if context.invoked_subcommand is None:
        list_(project, as_json)


@app.command("list")
def list_(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the finished training runs."""
    from narrowcast.cli.output import emit, say, table
    from narrowcast.cli.state import open_project
    from narrowcast.ops import train as ops

    with open_project(project) as opened:
        found = ops.runs(opened)

    def render() -> None:
        if not found:
            say("no run has finished yet")
            return
        numbers = [
            (name, "right") for name in ("rows", "steps", "train loss", "dev loss", "minutes", "tokens/s")
        ]
        table(["run", "base", "method", *numbers, "finished"], [_cells(line) for line in found])

    emit(found, as_json, render)


@app.command()
@request_command
def show(request: RunViewRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show a run: base, data, recipe, figures, environment, and what to do next."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.ops.show_run import show_run

    with open_project(project) as opened:
        found = show_run(opened, request)
    emit(found, as_json, lambda: _render(found))


def _render(found: RunView) -> None:
    from narrowcast.cli.output import next_step, say, table

    made = found.manifest
    mark = " (current)" if found.current else ""
    say(f"[bold]{made.run_id}[/]  {made.method} fine-tune of {made.base.name}{mark}")
    table(["", ""], _facts(found), title="what it was made of")
    table(["", ""], _figures(found), title="its results")
    environment = ", ".join(f"{name} {value}" for name, value in made.environment.items())
    say(f"environment: {environment}, narrowcast {made.code_version}")
    if found.overfitting:
        say(f"[yellow]over-fitted:[/] {found.overfitting}")
    for path in found.files:
        say(f"  {path}")
    next_step(found.next)


def _facts(found: RunView) -> list[tuple[str, str]]:
    made = found.manifest
    version = "the current version" if found.dataset_current else "not the current version"
    recipe = {name: made.recipe[name] for name in _SHOWN if name in made.recipe}
    if made.method == "full":
        recipe = {name: value for name, value in recipe.items() if not name.startswith("lora")}
    reasons, base, rows = made.recipe.get("reasons", {}), made.base, made.rows
    size = f"{base.parameters / 1e6:,.1f} M parameters"
    return [
        ("base", f"{size}, {base.architecture}, {short(base.fingerprint)}"),
        ("data set", f"{short(made.dataset_version)}, {version}"),
        ("rows", f"{rows['train']:,} trained on, {rows['rejected']:,} left out, {rows['dev']:,} dev"),
        ("method", f"{made.method} ({made.method_reason})"),
        *((name, _with_reason(value, reasons.get(name))) for name, value in recipe.items()),
        ("seed", str(made.seed)),
    ]


def _with_reason(value: Any, reason: str | None) -> str:
    return f"{value} ({reason})" if reason and reason != "asked for" else str(value)


def _figures(found: RunView) -> list[tuple[str, str]]:
    made = found.manifest
    speed = f"{made.seconds / 60:,.1f} minutes, {made.tokens_per_second:,.0f} tokens/s"
    rows = [("steps", f"{made.steps:,} in {speed}")]
    rows += [(f"{name.replace('_', ' ')} loss", f"{value:.4f}") for name, value in made.losses.items()]
    rows += _kept(made)
    for each in found.figures:
        value = each.value
        interval = f"{value.value:.4f} [{value.low:.4f}, {value.high:.4f}], {each.n:,} rows"
        rows.append((f"{each.metric}, {each.split}", interval))
    for name, values in (("forgetting", made.forgetting), ("forecast", made.forecast)):
        if values:
            rows.append((name, ", ".join(f"{key} {value:,.4g}" for key, value in values.items())))
    rows.append(("weights", f"{made.weights_dtype}, sha256 {made.weights_sha256[:16]}"))
    return rows


def _kept(made: RunManifest) -> list[tuple[str, str]]:
    kept = made.selection
    if not kept:
        return [("weights kept", "of the last step")]
    score = f", {kept['metric']} {kept['score']:.4f} on {kept['rows']:,} dev rows" if "score" in kept else ""
    return [
        (
            "weights kept",
            f"of step {kept['step']:,}, best by {kept['by']} of {kept['evaluations']}{score}",
        )
    ]


def _cells(line: dict[str, Any]) -> list[str]:
    return [
        line["run_id"],
        line["base"].rstrip("/").rpartition("/")[2],
        line["method"],
        f"{line['rows']:,}",
        f"{line['steps']:,}",
        f"{line['final_train_loss']:.4f}",
        "" if line["dev_loss"] is None else f"{line['dev_loss']:.4f}",
        f"{line['seconds'] / 60:.1f}",
        f"{line['tokens_per_second']:,.0f}",
        line["finished"][:16].replace("T", " "),
    ]
