"""What an export or its proof takes, said before it begins; refused where the disk is too small."""

from __future__ import annotations

import tempfile
from pathlib import Path

from narrowcast.core.forecast import WorkForecast
from narrowcast.core.formats import FORMATS
from narrowcast.core.stage import StageContext
from narrowcast.stages.export.exporter import Room, exporter_of
from narrowcast.stages.export.options import Inputs, Options, held_out, stage_result
from narrowcast.store.folders import require_room

_MEASURED, _FILE = 4.0, 3.0
"""How much longer than in training a token takes in the trained model, and in each file, where one row after
the other is read: nothing is shared between rows, and the arithmetic is float32. Measured on one export."""


def forecast_export(inputs: Inputs, options: Options, ctx: StageContext) -> WorkForecast:
    """Disk and memory follow from the number of weights, the time from the last evaluation of the run."""
    room = exporter_of(inputs.run).room(inputs, options, ctx)
    answered = [name for name in options.formats if FORMATS[name].answers]
    beside = room.writing + (room.comparing if answered else 0)
    return _forecast(room, beside, _proof_seconds(inputs, options, ctx, len(answered)))


def forecast_parity(inputs: Inputs, options: Options, ctx: StageContext, files: int) -> WorkForecast:
    """The same for a proof alone of `files`, which are the options' formats: weights are made once more."""
    room = exporter_of(inputs.run).room(inputs, options, ctx)
    return _forecast(room, room.comparing, _proof_seconds(inputs, options, ctx, files))


def _forecast(room: Room, beside: float, proof: tuple[float | None, str]) -> WorkForecast:
    """`beside` are the seconds besides those of the proof's answers."""
    seconds, basis = proof
    return WorkForecast(
        seconds=None if seconds is None else seconds + beside,
        memory_bytes=round(room.memory),
        disk_bytes=round(room.scratch + room.files),
        basis=basis,
    )


def say_what_it_takes(inputs: Inputs, options: Options, ctx: StageContext) -> None:
    """Note time, memory and disk.

    Raises:
        WorkspaceError: `system_disk_short`.
    """
    room = exporter_of(inputs.run).room(inputs, options, ctx)
    ctx.progress.note(f"export: {forecast_export(inputs, options, ctx).sentence}")
    if room.scratch:
        scratch = room.kept_in or Path(tempfile.gettempdir())
        require_room(scratch, round(room.scratch), "the merged model")
    kept = room.scratch if room.kept_in else 0
    require_room(ctx.project.gguf, round(room.files + kept), "the bundle")


def _proof_seconds(
    inputs: Inputs, options: Options, ctx: StageContext, files: int
) -> tuple[float | None, str]:
    """Of the trained model and each file on the held-out rows, and what that follows from."""
    if not files:
        return 0.0, ""
    rows = min(options.parity_rows, inputs.dataset.splits[held_out(options)].rows)
    measured = stage_result(ctx.project, "evaluate") or {}
    speeds = [
        each["speed"] for each in measured.get("results", []) if each["model"] == f"run:{inputs.run.run_id}"
    ]
    if not speeds:
        return None, "this run was not evaluated, so its speed is not known"
    milliseconds = speeds[0]["latency_p50_ms"]
    answers = rows * (1 + files) * milliseconds / 1000
    read = rows * _seconds_a_row(inputs) * (_MEASURED + _FILE * files)
    figure = f"{milliseconds:,.0f}" if milliseconds >= 1 else f"{milliseconds:.2g}"
    return (
        speeds[0]["load_seconds"] + answers + read,
        f"{rows:,} rows at {figure} ms an answer, as in the last evaluation",
    )


def _seconds_a_row(inputs: Inputs) -> float:
    """What a row of average length took in training, where rows share what they begin with."""
    run = inputs.run
    tokens = run.tokens.get("all", 0) / max(run.rows.get("train", 0), 1)
    return tokens / run.tokens_per_second if run.tokens_per_second else 0.0
