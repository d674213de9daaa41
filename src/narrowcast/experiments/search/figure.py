"""Trials by what they cost and what they score; the Pareto front joined by a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.evaluation.figures.canvas import (
    ACCENT,
    GRID,
    INK,
    OTHER,
    new_figure,
    png,
    svg,
    title,
)
from narrowcast.experiments.search.result import Trial

_LARGEST, _SMALLEST = 400.0, 30.0  # points², of the largest weights, and the least that can be seen
_NAMED = 4  # trials at one point
_WIDE = 10.0  # a ratio of latencies from which the axis is logarithmic


def draw_pareto(trials: Sequence[Trial], latency_ms: Mapping[int, float], metric: str) -> dict[str, bytes]:
    """SVG and PNG: latency to the right, the metric with its interval upwards, area by size of the weights.

    Args:
        trials: those that finished are drawn.
        latency_ms: by number of the trial.
        metric: name of the score.
    """
    drawn = [each for each in trials if each.run is not None]
    figure, axes = new_figure(8.0, 4.8)
    for each in drawn:
        _point(axes, each, latency_ms[each.number], drawn)
    front = sorted((each for each in drawn if each.front), key=lambda each: latency_ms[each.number])
    line = [(latency_ms[each.number], each.run.score.value) for each in front if each.run is not None]
    axes.plot(*zip(*line, strict=True), color=ACCENT, linewidth=1.2, zorder=1)
    _name_front(axes, front, latency_ms)
    if max(latency_ms.values()) > _WIDE * min(latency_ms.values()):
        _plain_log(axes)
    axes.margins(x=0.15, y=0.15)
    axes.grid(color=GRID)
    axes.set_xlabel("ms an answer, batched, on this machine", fontsize=9, color=INK)
    axes.set_ylabel(f"{metric} on dev rows, 95 % interval", fontsize=9, color=INK)
    sizes = [each.run.size_bytes / 1e6 for each in drawn if each.run is not None and each.run.size_bytes]
    span = (
        " to ".join(
            dict.fromkeys(
                f"{size:,.0f}" if size >= 10 else f"{size:.1f}" for size in (min(sizes), max(sizes))
            )
        )
        if sizes
        else ""
    )
    sub = f"{len(drawn):,} finished trials; area: {span or 'unknown'} MB; blue: not beaten in all three"
    title(axes, "quality, latency and size", sub)
    return {"svg": svg(figure), "png": png(figure)}


def _plain_log(axes: Any) -> None:
    """A logarithmic axis with its numbers written out: 1, 2, 5, 10."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _point(axes: Any, trial: Trial, latency: float, drawn: Sequence[Trial]) -> None:
    run = trial.run
    assert run is not None
    colour = ACCENT if trial.front else OTHER
    largest = max(each.run.size_bytes or 0 for each in drawn if each.run is not None)
    area = max(_SMALLEST, _LARGEST * (run.size_bytes or 0) / max(1, largest))
    score = run.score
    spread = [[max(0.0, score.value - score.low)], [max(0.0, score.high - score.value)]]
    axes.errorbar(latency, score.value, yerr=spread, color=colour, linewidth=0.8, alpha=0.5, zorder=2)
    axes.scatter([latency], [score.value], s=area, color=colour, alpha=0.9, zorder=3)


def _name_front(axes: Any, front: Sequence[Trial], latency_ms: Mapping[int, float]) -> None:
    """Each point of the front by its trials; equal points share a label."""
    places: dict[tuple[float, float], list[str]] = {}
    for each in front:
        assert each.run is not None
        place = (latency_ms[each.number], each.run.score.value)
        places.setdefault(place, []).append(str(each.number))
    for place, numbers in places.items():
        listing = ", ".join(numbers[:_NAMED]) + (", …" if len(numbers) > _NAMED else "")
        axes.annotate(
            f"trial {listing}", place, textcoords="offset points", xytext=(9, 4), fontsize=8, color=INK
        )
