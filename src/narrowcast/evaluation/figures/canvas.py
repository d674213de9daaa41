"""The common look: white ground, one accent colour, labelled axes, no frame on top and right."""

from __future__ import annotations

import io
from typing import Any

INK = "#1f2933"
MUTED = "#7b8794"
GRID = "#e4e7eb"
ACCENT = "#0b69a3"
OTHER = "#9aa5b1"  # what is drawn beside the subject, for comparison

_DPI = 130


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure of the given size in inches, with one axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    axes.tick_params(colors=INK, labelsize=9, length=3)
    axes.set_axisbelow(True)
    return figure, axes


_LONGEST_LINE = 80  # characters; a path in it would leave no room for the axes


def title(axes: Any, text: str, sub: str = "") -> None:
    """A title flush left, a muted line below it; the middle of a line that has no room is left out."""
    if len(sub) > _LONGEST_LINE:
        sub = f"{sub[: _LONGEST_LINE // 2]}…{sub[-_LONGEST_LINE // 2 + 1 :]}"
    axes.set_title(text, loc="left", fontsize=12, fontweight="bold", color=INK, pad=22 if sub else 8)
    if sub:
        axes.text(
            0, 1.0, sub, transform=axes.transAxes, fontsize=9, color=MUTED, va="bottom", ha="left"
        ).set_position((0, 1 + 5 / (axes.figure.get_figheight() * 72)))


def png(figure: Any) -> bytes:
    """The picture's bytes; equal data, equal bytes (no time stamp)."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="png", dpi=_DPI, bbox_inches="tight", pad_inches=0.15, metadata={"Software": None}
    )
    return buffer.getvalue()


def svg(figure: Any) -> bytes:
    """The same as SVG; equal data, equal bytes."""
    from matplotlib import rc_context

    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "narrowcast"}):
        figure.savefig(buffer, format="svg", bbox_inches="tight", pad_inches=0.15, metadata={"Date": None})
    return buffer.getvalue()


def shorten(text: str, length: int = 36) -> str:
    """At most `length` characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
