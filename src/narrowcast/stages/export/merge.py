"""The trained model as one plain model folder: the adapter merged, weights in the type it was measured in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.core.stage import StageContext
from narrowcast.models.loading import load_trained
from narrowcast.store.leftovers import scratch_folder
from narrowcast.store.seals import sealed_folder


@dataclass(frozen=True, slots=True)
class Trained:
    """The measured model in memory."""

    run_id: str
    model: Any
    tokenizer: Any


def load_measured(run_id: str, ctx: StageContext) -> Trained:
    """Load a run's model, adapter merged in.

    Raises:
        ModelError: if adapter, weights or base are missing or changed.
    """
    ctx.progress.start("load the trained model", None)
    model, tokenizer = load_trained(ctx.project, run_id, ctx.settings)
    return Trained(run_id, model, tokenizer)


@contextmanager
def merged_folder(trained: Trained, ctx: StageContext, *, keep: bool) -> Iterator[Path]:
    """A folder with the merged weights and the tokenizer.

    Kept as `outputs/merged/<run>/` when the block ends without an error and `keep` is set.
    """
    target = ctx.project.merged / trained.run_id
    with sealed_folder(target, ctx.seal) if keep else scratch_folder("merged") as path:
        trained.model.save_pretrained(path)
        trained.tokenizer.save_pretrained(path)
        yield path
