"""Which embedder compares meanings, and what of the held-out rows train has in other words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from narrowcast.core.names import Split
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.errors import UsageError
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
        UsageError: for an unknown one, or one without a measured threshold where no clusters are asked for.
        ModelError: if it is not on this machine.
    """
    if options.embedder is None:
        return None
    chosen = embedder(options.embedder, EmbedderContext(ctx.settings))
    least_cosine(chosen, options)  # before anything is read
    return UsedEmbedder(name=chosen.name, version=chosen.version)


def least_cosine(by: Embedder, options: Options) -> float:
    """From which cosine on two rows say the same: as measured, or that of the clusters where nobody has.

    Raises:
        UsageError: without either.
    """
    try:
        return by.threshold
    except UsageError as error:
        if options.clusters is not None:
            return options.clusters
        raise UsageError(
            error.what,
            where=error.where,
            next_command="--clusters 0.8, after a look at what `narrowcast data dedupe` finds",
            reason_code=error.reason_code,
        ) from error


def open_embedder(inputs: Inputs, options: Options, ctx: StageContext) -> Embedder | None:
    """The embedder of the stage, built anew; None where no meanings are compared."""
    if inputs.embedder is None and options.clusters is None:
        return None
    name = inputs.embedder.name if inputs.embedder else DEFAULT
    return embedder(name, EmbedderContext(ctx.settings, Work(ctx.progress, ctx.cancel)))


def semantic_shared(
    texts: list[str], splits: NDArray[np.int8], by: Embedder, least: float, work: Work
) -> int:
    """Held-out rows that say what a row of train says.

    Args:
        texts: of all rows.
        splits: code of each row's split.
        by: compares them.
        least: cosine from which two say the same.
        work: shows progress, and stops it.

    Raises:
        UsageError: if that takes too many comparisons.
        CancelledError: on request.
    """
    import numpy as np

    train = [texts[row] for row in np.flatnonzero(splits == _TRAIN).tolist()]
    held_out = [texts[row] for row in np.flatnonzero(splits < _TRAIN).tolist()]
    return sum(each is not None for each in nearest(held_out, train, by, least, work))
