"""All models on one metric: a point and its interval each, the best on top."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.evaluation.figures.canvas import (
    ACCENT,
    GRID,
    INK,
    OTHER,
    new_figure,
    png,
    title,
)
from narrowcast.evaluation.result import ModelResult

_LONGEST_NAME = 40  # characters of a model's name beside its bar


def draw_models(results: Sequence[ModelResult], *, subjects: Sequence[str], sub: str) -> bytes:
    """PNG bytes; `subjects` are drawn in the accent colour, baselines in grey."""
    primary = results[0].primary
    ordered = sorted(results, key=lambda each: -each.metrics[primary].value)
    figure, axes = new_figure(8.0, 1.5 + 0.42 * max(len(ordered), 2))
    for row, result in enumerate(ordered):
        value = result.metrics[primary]
        colour = ACCENT if result.model in subjects else OTHER
        spread = [[max(0.0, value.value - value.low)], [max(0.0, value.high - value.value)]]
        axes.errorbar(
            value.value, row, xerr=spread, fmt="o", color=colour, markersize=6, capsize=5, linewidth=2
        )
        axes.text(
            1.05,
            row,
            f"{value.value:.3f}  [{value.low:.3f}, {value.high:.3f}]",
            fontsize=9,
            color=INK,
            va="center",
            ha="left",
        )
    axes.set_yticks(range(len(ordered)), [_short(each.model) for each in ordered], fontsize=10)
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.grid(axis="x", color=GRID)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"{primary} (point), 95 % interval (line)", fontsize=9, color=INK)
    axes.spines["bottom"].set_bounds(0, 1)
    axes.spines["left"].set_visible(False)
    title(axes, f"{primary} on held-out rows", sub)
    return png(figure)


def _short(name: str) -> str:
    """A reference with a long path in it would leave no room for the bars."""
    return name if len(name) <= _LONGEST_NAME else f"…{name[-_LONGEST_NAME + 1 :]}"
