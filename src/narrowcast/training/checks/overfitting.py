"""Whether a run went past its best dev loss: a warning, not a verdict."""

from __future__ import annotations

from collections.abc import Mapping

from narrowcast.core.run import RunManifest
from narrowcast.core.stage import StageContext

_RISE = 1.1  # the last dev loss over the best one
_GAP = 0.02  # nats a token; below it both are as good as nothing


def kept_losses(manifest: RunManifest) -> dict[str, float]:
    """The losses of a run, with the dev loss of the weights that were kept."""
    kept = {"dev": manifest.selection["dev_loss"]} if "dev_loss" in manifest.selection else {}
    return {**manifest.losses, **kept}


def overfitting(losses: Mapping[str, float]) -> str:
    """What there is to say of a run's losses; "" where they show no over-fitting."""
    if "dev_best" not in losses:  # no dev rows, or a method that does not train in steps
        return ""
    train, dev, best = losses["final_train"], losses["dev"], losses["dev_best"]
    if dev <= best * _RISE or dev - best <= _GAP or train >= dev:
        return ""
    return f"the dev loss rose from {best:.4f} to {dev:.4f} (training {train:.4f}): the run over-fits"


def warn_of_overfitting(losses: Mapping[str, float], ctx: StageContext) -> bool:
    """Note and emit if the dev loss ended worse than its best and above the training loss.

    Args:
        losses: `final_train`, and where there are dev rows `dev` and `dev_best`; nats a token.
        ctx: of the run.
    """
    message = overfitting(losses)
    if not message:
        return False
    train, dev, best = losses["final_train"], losses["dev"], losses["dev_best"]
    ctx.progress.note(f"{message}; try fewer epochs or --early-stopping 3")
    ctx.emit("training_overfit", message, {"final_train": train, "dev": dev, "dev_best": best})
    return True
