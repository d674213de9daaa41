"""Which embedder compares meanings, and what of the held-out rows train has in other words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from narrowcast.core.names import Split
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.similarity.embedders import DEFAULT, Embedder, EmbedderContext, embedder
from narrowcast.similarity.semantic import nearest
from narrowcast.stages.prepare.options import Inputs, Options, UsedEmbedder
from narrowcast.stages.prepare.table import CODES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TRAIN = CODES[Split.TRAIN]


def used_embedder(options: Options, ctx: StageContext) -> UsedEmbedder | None:
    """The embedder that the options name; None where they name none.

    Raises:
        UsageError: for an unknown one, or one without a measured threshold.
        ModelError: if it is not on this machine.
    """
    if options.embedder is None:
        return None
    chosen = embedder(options.embedder, EmbedderContext(ctx.settings))
    chosen.threshold  # noqa: B018 - it is asked for before anything is read
    return UsedEmbedder(name=chosen.name, version=chosen.version)


def open_embedder(inputs: Inputs, ctx: StageContext) -> Embedder:
    """The embedder of the stage, built anew."""
    name = inputs.embedder.name if inputs.embedder else DEFAULT
    return embedder(name, EmbedderContext(ctx.settings, Work(ctx.progress, ctx.cancel)))


def semantic_shared(texts: list[str], splits: NDArray[np.int8], by: Embedder, work: Work) -> int:
    """Held-out rows that say what a row of train says.

    Args:
        texts: of all rows.
        splits: code of each row's split.
        by: compares them.
        work: shows progress, and stops it.

    Raises:
        UsageError: if that takes too many comparisons.
        CancelledError: on request.
    """
    import numpy as np

    train = [texts[row] for row in np.flatnonzero(splits == _TRAIN).tolist()]
    held_out = [texts[row] for row in np.flatnonzero(splits < _TRAIN).tolist()]
    return sum(each is not None for each in nearest(held_out, train, by, None, work))
