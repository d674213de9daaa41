"""Trials by what they cost and what they score; the Pareto front joined by a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.ops.search.result import Trial
from narrowcast.stages.evaluate.figures.canvas import (
    ACCENT,
    GRID,
    INK,
    YARDSTICK,
    new_figure,
    png,
    svg,
    title,
)

_AREA = (40.0, 400.0)  # points², of the smallest and the largest weights
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
        axes.set_xscale("log")
    axes.margins(x=0.15, y=0.15)
    axes.grid(color=GRID)
    axes.set_xlabel("ms an answer, batched, on this machine", fontsize=9, color=INK)
    axes.set_ylabel(f"{metric} on dev rows, 95 % interval", fontsize=9, color=INK)
    sizes = sorted({each.run.size_bytes for each in drawn if each.run is not None and each.run.size_bytes})
    span = " to ".join(f"{size / 1e6:,.0f}" for size in (sizes[:1] + sizes[-1:] if len(sizes) > 1 else sizes))
    sub = f"{len(drawn):,} finished trials; area: {span or 'unknown'} MB; blue: not beaten in all three"
    title(axes, "quality, latency and size", sub)
    return {"svg": svg(figure), "png": png(figure)}


def _point(axes: Any, trial: Trial, latency: float, drawn: Sequence[Trial]) -> None:
    run = trial.run
    assert run is not None
    colour = ACCENT if trial.front else YARDSTICK
    sizes = [each.run.size_bytes or 0 for each in drawn if each.run is not None]
    share = ((run.size_bytes or 0) - min(sizes)) / max(1, max(sizes) - min(sizes))
    area = _AREA[0] + share * (_AREA[1] - _AREA[0])
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
        shown = ", ".join(numbers[:_NAMED]) + (", …" if len(numbers) > _NAMED else "")
        axes.annotate(
            f"trial {shown}", place, textcoords="offset points", xytext=(9, 4), fontsize=8, color=INK
        )
