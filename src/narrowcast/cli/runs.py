"""`narrowcast runs`, `narrowcast runs list`, `narrowcast runs show` and `narrowcast runs discard`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from narrowcast.cli.options import JsonOption, ProjectOption, request_command
from narrowcast.core.hashing import short
from narrowcast.ops.requests import DiscardRequest, RunViewRequest

if TYPE_CHECKING:
    from narrowcast.core.run import FinishedRun, RunManifest
    from narrowcast.ops.show_run import RunView
    from narrowcast.training.outputs.interrupted import InterruptedRun

app = typer.Typer(add_completion=False, help="List, show and discard training runs.")
# Of the recipe, what decides most; --json has all of it.
_OPTIONS = (
    "objective", "epochs", "learning_rate", "batch_size", "micro_batch_size", "layout", "word_dropout",
    "features", "classifier", "lora_rank", "lora_alpha", "scheduler", "precision", "early_stopping",
    "select_by",
)  # fmt: skip


@app.callback(invoke_without_command=True)
def runs(context: typer.Context, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the training runs, or show one."""
    if context.invoked_subcommand is None:
        list_(project, as_json)


@app.command("list")
def list_(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the finished and the interrupted training runs."""
    from narrowcast.cli.output import emit, next_step
    from narrowcast.cli.state import open_project
    from narrowcast.ops import train as ops
    from narrowcast.store.first_command import before_run

    with open_project(project) as opened:
        entries, stopped = ops.runs(opened), ops.interrupted(opened)
        first = before_run(opened.paths)

    def render() -> None:
        _show_finished(entries)
        _show_interrupted(stopped)
        if any(each.process for each in stopped):
            next_step("narrowcast status")
        elif any(each.resumable for each in stopped):
            next_step("narrowcast train --resume")
        elif dead := next((each.run_id for each in stopped if each.obstacle), ""):
            next_step(f"narrowcast runs discard {dead}")
        else:
            next_step(f"narrowcast runs show {entries[-1].run_id}" if entries else first)

    plain: list[dict[str, Any]] = [{"state": "finished", **each.model_dump(mode="json")} for each in entries]
    plain += [{"state": _state(each), **each.model_dump()} for each in stopped]
    emit(plain, as_json, render)


def _show_finished(entries: list[FinishedRun]) -> None:
    from narrowcast.cli.output import say, table

    if not entries:
        say("no run has finished yet")
        return
    numbers = [(name, "right") for name in ("rows", "steps", "train loss", "dev loss")]
    table(["run", "base", "method", *numbers, "finished"], [_cells(each) for each in entries])


def _show_interrupted(stopped: list[InterruptedRun]) -> None:
    from narrowcast.cli.output import table

    if not stopped:
        return
    rows = [
        (
            each.run_id,
            each.base.rstrip("/").rpartition("/")[2],
            each.method,
            f"{each.step:,} of {each.steps:,}" if each.step else "none",
            each.started[:16].replace("T", " "),
            f"running, process {each.process}" if each.process else f"interrupted{_cannot(each)}",
        )
        for each in stopped
    ]
    columns: list[str | tuple[str, str]] = [
        "run",
        "base",
        "method",
        ("checkpoint at step", "right"),
        "started",
        "state",
    ]
    table(columns, rows, title="not finished")


def _state(run: InterruptedRun) -> str:
    return "running" if run.process else "interrupted"


def _cannot(run: InterruptedRun) -> str:
    return f"; cannot be resumed: {run.obstacle}" if run.obstacle else ""


@app.command()
@request_command
def discard(request: DiscardRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Remove what an interrupted run has left; it can then not be resumed."""
    from narrowcast.cli.output import emit, next_step, say
    from narrowcast.cli.state import open_project
    from narrowcast.ops import train as ops

    with open_project(project) as opened:
        run = ops.discard(opened, request)

    def render() -> None:
        say(f"{run.run_id} was discarded ({run.checkpoint})")
        next_step("narrowcast status")

    emit(run, as_json, render)


@app.command()
@request_command
def show(request: RunViewRequest, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show a run: base, data set, recipe, figures and environment."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import open_project
    from narrowcast.ops.show_run import show_run

    with open_project(project) as opened:
        run = show_run(opened, request)
    emit(run, as_json, lambda: _render(run))


def _render(run: RunView) -> None:
    from narrowcast.cli.output import next_step, say, table
    from narrowcast.cli.verdict import show_verdict
    from narrowcast.core.run import run_title

    manifest = run.manifest
    mark = " (current)" if run.current else ""
    say(f"[bold]{manifest.run_id}[/]  {run_title(manifest.method, manifest.base.name)}{mark}")
    table(["input", "value"], _facts(run))
    table(["result", "value"], _figures(run))
    environment = ", ".join(f"{name} {value}" for name, value in manifest.environment.items())
    say(f"environment: {environment}, narrowcast {manifest.code_version}")
    if manifest.drawn:
        say(f"[yellow]quick run:[/] trained on {manifest.drawn}")
    if run.overfitting:
        say(f"[yellow]over-fitted:[/] {run.overfitting}")
    for path in run.files:
        say(f"  {path}")
    show_verdict(run.verdict)
    next_step(run.next)


def _facts(run: RunView) -> list[tuple[str, str]]:
    manifest = run.manifest
    version = "the current version" if run.dataset_current else "not the current version"
    recipe = {name: manifest.recipe[name] for name in _OPTIONS if name in manifest.recipe}
    if manifest.method == "full":
        recipe = {name: value for name, value in recipe.items() if not name.startswith("lora")}
    reasons, base, rows = manifest.recipe.get("reasons", {}), manifest.base, manifest.rows
    size = f"{base.parameters / 1e6:,.1f} M parameters"
    identity = f"{size}, {base.architecture}, {short(base.fingerprint)}" if base.parameters else "none"
    return [
        ("base", identity),
        ("data set", f"{short(manifest.dataset_version)}, {version}"),
        ("rows", f"{rows['train']:,} trained on, {rows['rejected']:,} left out, {rows['dev']:,} dev"),
        ("method", manifest.how),
        *((name, _with_reason(value, reasons.get(name))) for name, value in recipe.items()),
        ("seed", str(manifest.seed)),
    ]


def _with_reason(value: Any, reason: str | None) -> str:
    value = (", ".join(map(str, value)) or "none") if isinstance(value, list) else value
    return f"{value} ({reason})" if reason and reason != "asked for" else str(value)


def _figures(run: RunView) -> list[tuple[str, str]]:
    manifest = run.manifest
    minutes = f"{manifest.seconds / 60:,.1f} minutes"
    if manifest.is_classifier:
        rows = [("fitted in", minutes)]
    else:
        speed = f"{minutes}, {manifest.tokens_per_second:,.0f} tokens/s"
        rows = [("steps", f"{manifest.steps:,} in {speed}")]
    rows += [(f"{name.replace('_', ' ')} loss", f"{value:.4f}") for name, value in manifest.losses.items()]
    rows += [] if manifest.is_classifier else _kept(manifest)
    for each in run.figures:
        value = each.value
        interval = f"{value.value:.4f} [{value.low:.4f}, {value.high:.4f}], {each.n:,} rows"
        against = f", against {', '.join(each.against)}" if each.against else ""
        rows.append((f"{each.metric}, {each.split} ({each.stage}{against})", interval))
    for name, values in (("forgetting", manifest.forgetting), ("forecast", manifest.forecast)):
        if values:
            rows.append((name, ", ".join(f"{key} {value:,.4g}" for key, value in values.items())))
    rows.append(("weights", f"{manifest.weights_dtype}, sha256 {manifest.weights_sha256[:16]}"))
    return rows


def _kept(manifest: RunManifest) -> list[tuple[str, str]]:
    kept = manifest.selection
    if not kept:
        return [("weights kept", "of the last step")]
    score = f", {kept['metric']} {kept['score']:.4f} on {kept['rows']:,} dev rows" if "score" in kept else ""
    return [
        (
            "weights kept",
            f"of step {kept['step']:,}, best by {kept['by']} of {kept['evaluations']}{score}",
        )
    ]


def _cells(run: FinishedRun) -> list[str]:
    return [
        run.run_id,
        run.base.rstrip("/").rpartition("/")[2],
        run.method,
        f"{run.rows:,}{' (quick run)' if run.drawn else ''}",
        f"{run.steps:,}",
        "" if run.final_train_loss is None else f"{run.final_train_loss:.4f}",
        "" if run.dev_loss is None else f"{run.dev_loss:.4f}",
        run.finished[:16].replace("T", " "),
    ]
