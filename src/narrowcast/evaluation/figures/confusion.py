"""Confusion matrix: rows are gold labels, columns answers; shades are shares of the gold label's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from narrowcast.evaluation.figures.canvas import INK, MUTED, new_figure, png, shorten, title

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COUNTS_UP_TO = 20  # labels; more, and only wrong cells worth a look carry their count
_SMALL_UP_TO = 45
_MOST = 160  # labels that are drawn: the picture grows with their square


def draw_confusion(
    labels: Sequence[str], matrix: Sequence[Sequence[int]], *, heading: str, sub: str
) -> bytes:
    """PNG bytes; of more labels than can be drawn, those with the most mistakes.

    Args:
        labels: K labels.
        matrix: K rows of K + 1 counts; the last column counts answers that are no label, and is left out
            where there are none.
        heading: the title.
        sub: the line below it.
    """
    import numpy as np

    counts = np.asarray(matrix)
    if len(labels) > _MOST:
        kept = _most_mistaken(counts)
        sub = f"{sub}; {len(kept)} of {len(labels):,} labels, those with the most mistakes"
        labels, counts = [labels[place] for place in kept], counts[np.ix_(kept, [*kept, -1])]
    columns = list(labels)
    if counts[:, -1].any():
        columns.append("(no label)")
    else:
        counts = counts[:, :-1]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = len(labels)
    cell = 0.55 if size <= _COUNTS_UP_TO else 0.26 if size <= _SMALL_UP_TO else 0.19
    side = max(4.0, cell * size)
    figure, axes = new_figure(side + 3.4, side + 3.2)
    image = axes.imshow(shares, cmap=_colours(), vmin=0, vmax=1, aspect="equal", interpolation="nearest")
    font = 9 if size <= _COUNTS_UP_TO else 7 if size <= _SMALL_UP_TO else 6.5
    axes.set_xticks(range(len(columns)), [shorten(name, 34) for name in columns], rotation=90, fontsize=font)
    axes.set_yticks(range(size), [shorten(name, 34) for name in labels], fontsize=font)
    axes.set_xlabel("answer", fontsize=10, color=INK)
    axes.set_ylabel("gold label", fontsize=10, color=INK)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(-0.5, len(columns)), minor=True)
    axes.set_yticks(np.arange(-0.5, size), minor=True)
    axes.grid(which="minor", color="#eef1f4", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    _write_counts(axes, counts, shares, font)
    bar = figure.colorbar(image, ax=axes, shrink=0.4, aspect=26, pad=0.015)
    bar.set_label("share of the reference label's rows", fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=MUTED, length=2)
    bar.outline.set_visible(False)
    title(axes, heading, sub)
    return png(figure)


def _most_mistaken(counts: NDArray[np.int64]) -> list[int]:
    """Numbers of the labels that most wrong answers are about, as gold label or as answer, in order."""
    import numpy as np

    square = counts[:, :-1]
    mistakes = counts.sum(axis=1) + square.sum(axis=0) - 2 * square.diagonal()
    return sorted(np.argsort(-mistakes, kind="stable")[:_MOST].tolist())


def _colours() -> object:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("ink", ["#ffffff", "#cfe3f1", "#5fa3cf", "#0b69a3", "#073b5c"])


def _write_counts(axes: object, counts: object, shares: object, font: float) -> None:
    """Counts in all cells of a small matrix; in a big one, in the wrong cells with a tenth of their row."""
    import numpy as np

    numbers, portion = np.asarray(counts), np.asarray(shares)
    small = len(numbers) <= _COUNTS_UP_TO
    for row, column in zip(*np.nonzero(numbers), strict=True):
        if not small and (row == column or portion[row, column] < 0.1):
            continue
        axes.text(  # type: ignore[attr-defined]
            column,
            row,
            str(numbers[row, column]),
            ha="center",
            va="center",
            fontsize=font if small else font - 1.5,
            color="white" if portion[row, column] > 0.5 else INK,
        )
