"""`trace.csv`: one line per step; and the loss curve as a picture."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from narrowcast.store.files import atomic_writer, write_text

COLUMNS = (
    "step",
    "epoch",
    "loss",
    "dev_loss",
    "dev_score",
    "learning_rate",
    "grad_norm",
    "tokens",
    "seconds",
)


class TraceLine(NamedTuple):
    """One step. `tokens` and `seconds` count from the start of the run, resumes included.

    `loss` and `dev_loss` are nats per completion token; a line has one of the two. `dev_score` is the task's
    primary metric, where it selects.
    """

    step: int
    epoch: float
    loss: float | None
    dev_loss: float | None
    dev_score: float | None
    learning_rate: float | None
    grad_norm: float | None
    tokens: int
    seconds: float


class Trace:
    """Appends lines; after a resume, lines after the checkpoint are cut off first.

    Args:
        path: of the file.
        resumed_step: of the checkpoint; 0 begins anew.
        keep: whether this process writes the file; of several that train together, one does.
    """

    def __init__(self, path: Path, resumed_step: int = 0, *, keep: bool = True) -> None:
        self.path, self._keep = path, keep
        self.lines = [line for line in read_trace(path) if line.step <= resumed_step] if resumed_step else []
        if keep:
            write_text(path, "".join(map(_csv, [COLUMNS, *self.lines])))

    @property
    def tokens(self) -> int:
        """Tokens trained on so far."""
        return self.lines[-1].tokens if self.lines else 0

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self.lines[-1].seconds if self.lines else 0.0

    def sync(self) -> None:
        """Wait until the disk has every line; a checkpoint is never ahead of its trace for long."""
        if self._keep:
            with self.path.open("a", encoding="utf-8") as file:
                os.fsync(file.fileno())

    def add(self, line: TraceLine) -> None:
        """Append one line; from here on it outlives the process."""
        self.lines.append(line)
        if self._keep:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(_csv(line))


def read_trace(path: Path) -> list[TraceLine]:
    """The lines of a trace; a torn last line is left out."""
    if not path.exists():
        return []
    lines = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(line for line in file if line.endswith("\n")):
            # An older version wrote fewer columns.
            values: dict[str, Any] = {name: float(row[name]) if row.get(name) else None for name in COLUMNS}
            whole = {name: int(values[name]) for name in ("step", "tokens")}
            lines.append(TraceLine(**{**values, **whole}))
    return lines


def plot_losses(lines: Sequence[TraceLine], path: Path, title: str) -> None:
    """Draw training loss (thin: each step, thick: smoothed), dev loss and dev score over the steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    steps = [line.step for line in lines if line.loss is not None]
    losses = [line.loss for line in lines if line.loss is not None]
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(steps, losses, color="#9db8d9", linewidth=0.7, label="each step")
    axes.plot(steps, _smoothed(losses), color="#1f5fa8", linewidth=1.8, label="training, smoothed")
    dev = [(line.step, line.dev_loss) for line in lines if line.dev_loss is not None]
    if dev:
        axes.plot(*zip(*dev, strict=True), color="#c2571a", marker="o", markersize=4, label="dev")
    scores = [(line.step, line.dev_score) for line in lines if line.dev_score is not None]
    if scores:
        right_axis = axes.twinx()
        right_axis.plot(*zip(*scores, strict=True), color="#3b8a4a", marker="s", markersize=4)
        right_axis.set_ylabel("the task's metric on dev rows (green)")
        right_axis.spines[["top", "left"]].set_visible(False)
    axes.set_yscale("log" if losses and min(losses) > 0 else "linear")
    axes.set_xlabel("step")
    axes.set_ylabel("loss, nats per completion token")
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", which="both", alpha=0.2)
    axes.legend(frameon=False)
    with atomic_writer(path) as file:
        FigureCanvasAgg(figure).print_png(file)


def _smoothed(values: Sequence[float]) -> list[float]:
    """Exponential mean with a time constant of a thirtieth of the run."""
    share = min(1.0, 30 / max(1, len(values)))
    mean, out = values[0] if values else 0.0, []
    for value in values:
        mean += share * (value - mean)
        out.append(mean)
    return out


def _csv(values: Sequence[Any]) -> str:
    return (
        ",".join(
            "" if each is None else f"{each:.6g}" if isinstance(each, float) else str(each) for each in values
        )
        + "\n"
    )
