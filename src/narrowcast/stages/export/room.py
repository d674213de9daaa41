"""What an export or its proof takes, said before it begins; refused where the disk is too small."""

from __future__ import annotations

import tempfile
from pathlib import Path

from narrowcast.core.forecast import WorkForecast
from narrowcast.core.stage import StageContext
from narrowcast.stages.export.options import Inputs, Options, held_out, stage_result
from narrowcast.store.folders import require_room

_BYTES = {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 1.07, "q6_k": 0.83, "q5_k_m": 0.72, "q4_k_m": 0.62}
"""Bytes a weight. Small matrices fall back to wider types, for which `_MARGIN` stands."""
_MARGIN = 1.15
_NOT_RUN = ("merged", "adapter")


_BYTES_PER_SECOND = 60e6
"""Of weights that are merged, written, quantised and read again, in all; a slow disk needs longer."""
_MEASURED, _FILE = 4.0, 3.0
"""How much longer than in training a token takes in the trained model, and in each file, where one row after
the other is read: nothing is shared between rows, and the arithmetic is float32. Measured on one export."""


def forecast_export(inputs: Inputs, options: Options, ctx: StageContext) -> WorkForecast:
    """Disk and memory follow from the number of weights, the time from the last evaluation of the run."""
    merged, files = _merged_bytes(inputs), _file_bytes(inputs, options)
    answered = [name for name in options.formats if name not in _NOT_RUN]
    seconds, basis = _proof_seconds(inputs, options, ctx, len(answered))
    written = merged + 2 * files + (_bytes_compared(merged, files, len(answered)) if answered else 0)
    return WorkForecast(
        seconds=None if seconds is None else seconds + written / _BYTES_PER_SECOND,
        memory_bytes=merged,
        disk_bytes=round(merged + files),
        basis=basis,
    )


def forecast_parity(inputs: Inputs, options: Options, ctx: StageContext, files: int) -> WorkForecast:
    """The same for a proof alone; `files` are compared."""
    merged = _merged_bytes(inputs)
    seconds, basis = _proof_seconds(inputs, options, ctx, files)
    again = merged + files * inputs.run.base.parameters  # the weights are written and quantised once more
    compared = _bytes_compared(merged, files * inputs.run.base.parameters, files)
    return WorkForecast(
        seconds=None if seconds is None else seconds + compared / _BYTES_PER_SECOND,
        memory_bytes=merged,
        disk_bytes=again,
        basis=basis,
    )


def say_what_it_takes(inputs: Inputs, options: Options, ctx: StageContext) -> None:
    """Note time, memory and disk.

    Raises:
        WorkspaceError: `system_disk_short`.
    """
    merged, files = _merged_bytes(inputs), _file_bytes(inputs, options)
    ctx.progress.note(f"export: {forecast_export(inputs, options, ctx).sentence}")
    kept = "merged" in options.formats
    scratch = ctx.project.merged if kept else Path(tempfile.gettempdir())
    require_room(scratch, merged, "the merged model")
    require_room(ctx.project.gguf, round(files) + (merged if kept else 0), "the bundle")


def _bytes_compared(merged: int, files: float, count: int) -> float:
    """What the proof writes once more, and reads as float32 for each file that it compares."""
    return merged + files + count * merged


def _merged_bytes(inputs: Inputs) -> int:
    return (4 if inputs.run.weights_dtype == "float32" else 2) * inputs.run.base.parameters


def _file_bytes(inputs: Inputs, options: Options) -> float:
    weights = inputs.run.base.parameters
    files = sum(_BYTES.get(name, 0.0) for name in options.formats) * weights * _MARGIN
    if any(name not in (*_NOT_RUN, options.reference) for name in options.formats):
        files += _BYTES[options.reference] * weights  # quantised files are made from it
    return files


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
    latency = speeds[0]["latency_p50_ms"] / 1000
    answers = rows * (1 + files) * latency
    read = rows * _seconds_a_row(inputs) * (_MEASURED + _FILE * files)
    return (
        speeds[0]["load_seconds"] + answers + read,
        f"{rows:,} rows at {latency * 1000:,.0f} ms an answer, as in the last evaluation",
    )


def _seconds_a_row(inputs: Inputs) -> float:
    """What a row of average length took in training, where rows share what they begin with."""
    run = inputs.run
    tokens = run.tokens.get("all", 0) / max(run.rows.get("train", 0), 1)
    return tokens / run.tokens_per_second if run.tokens_per_second else 0.0
