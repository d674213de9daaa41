"""The forecast of a run: made before it, kept with its trace, compared when it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from narrowcast.core.forecast import WorkForecast
from narrowcast.core.stage import StageContext
from narrowcast.store.files import read_json, write_json
from narrowcast.store.runs import note_steps
from narrowcast.training.options import Options
from narrowcast.training.preflight.budget import budget_seconds, fit_to_budget, with_epochs
from narrowcast.training.preflight.finding import PreflightFinding
from narrowcast.training.preflight.forecast import Forecast, compare
from narrowcast.training.preflight.room import disk_of_run
from narrowcast.training.setup import TrainingSetup

_FEWEST = 10  # times the probe's steps; a shorter run would spend more than a tenth on being forecast


def expect(setup: TrainingSetup, options: Options, ctx: StageContext, folder: Path) -> TrainingSetup:
    """Probe a run that is long enough for it, and keep the forecast in `<folder>/forecast.json`.

    Returns:
        The run with as many epochs as fit into its budget.
    """
    path = folder / "forecast.json"
    if not ctx.settings.process:
        path.unlink(missing_ok=True)  # of a former execution of this run
    if not options.probe_steps or setup.steps < _FEWEST * options.probe_steps:
        return setup
    if ctx.settings.processes > 1:
        ctx.progress.note("no forecast: it is made for one process only, and several train together")
        return setup
    from narrowcast.training.preflight.probe import probe

    was = setup.recipe.epochs
    setup, forecast = fit_to_budget(setup, probe(setup, options, ctx), options)
    if setup.recipe.epochs < was:
        ctx.progress.note(setup.shortened)
        if not ctx.settings.process:
            note_steps(ctx.project, ctx.run_id, setup.steps)
    write_json(path, forecast.model_dump(mode="json"))
    text = work_forecast(forecast, disk_of_run(setup, options)).sentence
    ctx.emit("training_forecast", text, forecast.model_dump(mode="json"))
    ctx.progress.note(f"forecast: {text}")
    for each in time_findings(forecast, options):
        ctx.progress.note(f"preflight: {each.what} ({each.fix})")
    return setup


def as_begun(setup: TrainingSetup, checkpoint: Path) -> TrainingSetup:
    """A run that continues, with the epochs that it began with; the checkpoint knows them, and is sealed."""
    epochs = int(read_json(checkpoint / "trainer_state.json")["num_train_epochs"])
    if epochs == setup.recipe.epochs:
        return setup
    return with_epochs(setup, epochs, "as the run began, by its forecast and budget_minutes")


def work_forecast(found: Forecast, disk_bytes: int | None) -> WorkForecast:
    """The forecast of a run in the form of every other command."""
    return WorkForecast(
        seconds=found.seconds,
        memory_bytes=found.peak_bytes,
        disk_bytes=disk_bytes,
        basis=f"measured on {found.timed_steps} steps of {found.seconds_per_step:,.2f} s",
    )


def time_findings(found: Forecast, options: Options) -> list[PreflightFinding]:
    """A time limit that the run is expected to meet, a budget that it exceeds."""
    minutes, limit = found.seconds / 60, options.time_limit_minutes
    short = []
    if limit is not None and minutes > limit:
        short.append(
            (
                f"the run may take {minutes:,.1f} minutes, its limit is {limit:g}",
                "time_limit_minutes",
                "fewer --epochs, or continue later with narrowcast train --resume",
            )
        )
    if found.seconds > budget_seconds(options):
        short.append(
            (
                f"one epoch may take {minutes:,.1f} minutes, the budget is {budget_seconds(options) / 60:g}",
                "budget_minutes",
                "--rows for fewer rows, a smaller --base, or a larger --budget-minutes",
            )
        )
    return [
        PreflightFinding(reason_code="training_time_short", blocks=False, what=what, where=where, fix=fix)
        for what, where, fix in short
    ]


def settle(folder: Path, ctx: StageContext, *, seconds: float, peak_bytes: int, steps: int) -> dict[str, Any]:
    """Compare the forecast with what happened; the error is an event. Empty where none was made."""
    path = folder / "forecast.json"
    if not path.exists():
        return {}
    forecast = Forecast.model_validate(read_json(path))
    errors = compare(forecast, seconds=seconds, peak_bytes=peak_bytes, steps=steps).model_dump(mode="json")
    message = (
        f"forecast off by {errors['seconds_error']:+.0%} in time and {errors['memory_error']:+.0%} in memory"
    )
    ctx.emit("training_forecast_checked", message, errors)
    return errors
