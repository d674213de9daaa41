"""What a preparation takes, by what this project's last one took, or by how fast its rows were read."""

from __future__ import annotations

from datetime import datetime

from narrowcast.core.forecast import WorkForecast
from narrowcast.core.paths import ProjectPaths
from narrowcast.store.stage_records import load_record

# Measured on 100,000 and 1,000,000 short texts (`benchmarks/scale.py`).
_TIMES_READING = 5
_BASE_MEMORY, _MEMORY_PER_BYTE = 150_000_000, 4.0
_COPIES = 2  # the splits, and the held-out ones once more as the current
_FEWEST_SECONDS = 5  # of a former run that tells how fast this machine is; records count whole seconds


def disk_bytes(size: int) -> int:
    """Of a version whose accepted rows have `size` bytes."""
    return _COPIES * size


def forecast(project: ProjectPaths, rows: int, size: int, reading: float) -> WorkForecast:
    """The forecast for rows that have just been read.

    Args:
        project: its last record of the stage is looked at.
        rows: number of accepted rows.
        size: their bytes.
        reading: seconds that reading and checking them took.
    """
    seconds, basis = _TIMES_READING * reading, f"{rows:,} rows were read in {reading:,.1f} s"
    former = load_record(project, "prepare")
    if former is not None and (ledger := former.result.get("ledger")):
        span = datetime.fromisoformat(former.finished) - datetime.fromisoformat(former.started)
        took = span.total_seconds()
        if took >= _FEWEST_SECONDS and ledger["rows_in"]:
            seconds = took * rows / ledger["rows_in"]
            basis = f"the last time took {took:,.0f} s for {ledger['rows_in']:,} rows"
    return WorkForecast(
        seconds=seconds,
        memory_bytes=round(_BASE_MEMORY + _MEMORY_PER_BYTE * size),
        disk_bytes=disk_bytes(size),
        basis=basis,
    )
