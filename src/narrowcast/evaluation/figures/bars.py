"""Horizontal bars with intervals: one a class, field or span type, the weakest on top."""

from __future__ import annotations

from collections.abc import Mapping

from narrowcast.core.metric import MetricValue
from narrowcast.evaluation.figures.canvas import (
    ACCENT,
    GRID,
    INK,
    MUTED,
    new_figure,
    png,
    shorten,
    title,
)

_INCHES_A_BAR = 0.23
_MOST = 160  # bars that are drawn


def draw_bars(
    values: Mapping[str, MetricValue], *, metric: str, heading: str, sub: str, support: Mapping[str, int]
) -> bytes:
    """PNG bytes; of more parts than can be drawn, the weakest.

    Args:
        values: part (class, field, type) to its metric, from 0 to 1.
        metric: its name, for the axis.
        heading: the title.
        sub: the line below it.
        support: rows of a part, shown after its name if known.
    """
    ordered = sorted(values.items(), key=lambda item: (item[1].value, item[0]))
    if len(ordered) > _MOST:
        sub, ordered = f"{sub}; the weakest {_MOST} of {len(ordered):,}", ordered[:_MOST]
    names = [
        f"{shorten(name)}  ({support[name]:,})" if name in support else shorten(name) for name, _ in ordered
    ]
    points = [value.value for _, value in ordered]
    spread = [
        [max(0.0, value.value - value.low) for _, value in ordered],
        [max(0.0, value.high - value.value) for _, value in ordered],
    ]
    figure, axes = new_figure(8.0, 1.5 + _INCHES_A_BAR * max(len(ordered), 3))
    rows = range(len(ordered))
    axes.barh(rows, points, height=0.68, color=ACCENT, alpha=0.85)
    axes.errorbar(
        points, rows, xerr=spread, fmt="none", ecolor=INK, elinewidth=1.0, capsize=2.2, capthick=1.0
    )
    axes.set_yticks(rows, names, fontsize=8 if len(ordered) > 15 else 9)
    axes.set_ylim(len(ordered) - 0.4, -0.6)
    axes.set_xlim(0, 1.09)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.set_xlabel(f"{metric} (bars), 95 % interval (whiskers)", fontsize=9, color=INK)
    axes.spines["bottom"].set_bounds(0, 1)
    axes.grid(axis="x", color=GRID)
    axes.tick_params(axis="y", length=0)
    for row, (_, value) in enumerate(ordered):
        axes.text(1.085, row, f"{value.value:.2f}", fontsize=8, color=MUTED, va="center", ha="right")
    title(axes, heading, sub)
    return png(figure)
