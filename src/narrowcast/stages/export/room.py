"""What an export takes, said before it begins; refused where the disk is too small."""

from __future__ import annotations

import tempfile
from pathlib import Path

from narrowcast.core.stage import StageContext
from narrowcast.stages.export.options import Inputs, Options
from narrowcast.store.folders import require_room

_BYTES = {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 1.07, "q6_k": 0.83, "q5_k_m": 0.72, "q4_k_m": 0.62}
"""Bytes a weight. Small matrices fall back to wider types, for which `_MARGIN` stands."""
_MARGIN = 1.15


def say_what_it_takes(inputs: Inputs, options: Options, ctx: StageContext) -> None:
    """Note disk and memory, and that the time is known only when rows have been compared.

    Raises:
        WorkspaceError: `system_disk_short`.
    """
    weights = inputs.run.base.parameters
    merged = 4 * weights if inputs.run.weights_dtype == "float32" else 2 * weights
    files = sum(_BYTES.get(name, 0.0) for name in options.formats) * weights * _MARGIN
    if any(name not in ("merged", "adapter", options.reference) for name in options.formats):
        files += _BYTES[options.reference] * weights  # quantised files are made from it
    kept = "merged" in options.formats
    scratch = ctx.project.merged if kept else Path(tempfile.gettempdir())
    ctx.progress.note(
        f"export: about {(merged + files) / 1e6:,.0f} MB of disk and {merged / 1e6:,.0f} MB of memory; "
        "time unknown until the first rows are compared"
    )
    require_room(scratch, merged, "the merged model")
    require_room(ctx.project.gguf, round(files) + (merged if kept else 0), "the bundle")
