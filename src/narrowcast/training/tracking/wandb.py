"""Weights & Biases: its server, or offline files that `wandb sync` sends later."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.core.settings import Settings
from narrowcast.errors import UsageError
from narrowcast.plugins.optional import require
from narrowcast.training.tracking.address import is_remote, refuse_remote, shown
from narrowcast.training.tracking.base import Begun, Outcome, Point, TrackedRun

_SERVER = "https://api.wandb.ai"


class WandbTracker:
    """One row per step, under wandb's own step, which never goes back."""

    def __init__(self) -> None:
        self._run: Any = None
        self._step = 0

    def check(self, settings: Settings) -> None:
        """The library is there; a server needs a key, and none is asked in offline mode."""
        require("wandb", purpose="--track wandb")
        if _is_offline():
            return
        server = os.environ.get("WANDB_BASE_URL", _SERVER)
        if settings.offline and is_remote(server):
            raise refuse_remote("wandb", server, "WANDB_MODE=offline narrowcast train --track wandb")
        if not _has_key():
            raise UsageError(
                "wandb has no key for its server",
                where=shown(server),
                next_command="wandb login, or WANDB_MODE=offline narrowcast train --track wandb",
                reason_code="training_tracker_unusable",
            )

    def begin(self, run: TrackedRun) -> Begun:
        """Open the run; nothing about the machine, the code or the console is collected."""
        import wandb

        settings = wandb.Settings(
            console="off",
            silent=True,
            disable_git=True,
            disable_code=True,
            save_code=False,
            disable_job_creation=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
        )
        self._run = wandb.init(
            project=run.project,
            id=run.tracked_as,
            resume="allow" if run.tracked_as else None,
            name=run.run_id,
            dir=run.folder,
            config=dict(run.parameters),
            reinit="create_new",
            settings=settings,
        )
        if _is_offline():
            # Offline, a run cannot be continued: a resumed run writes a second folder, which holds all of it.
            return Begun(self._run.id, str(self._run.settings.sync_dir))
        last = self._run.step - 1 if self._run.resumed else 0
        return Begun(self._run.id, shown(str(self._run.url)), {"loss": last, "dev_loss": last})

    def log(self, points: Sequence[Point]) -> None:
        """Hand the points to wandb's own process; figures of one step become one row."""
        for point in points:
            if point.step >= self._step:  # else it was taken before an attempt that failed half-way
                self._run.log(point.figures, step=point.step)
                self._step = point.step

    def end(self, outcome: Outcome, figures: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Final figures into the summary, then the exit code."""
        self._run.summary.update({**figures, **tags, "outcome": outcome})
        self._run.finish(exit_code=0 if outcome == "finished" else 1)


def _is_offline() -> bool:
    return os.environ.get("WANDB_MODE", "").lower() in ("offline", "dryrun", "disabled")


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    import netrc
    from pathlib import Path
    from urllib.parse import urlsplit

    host = urlsplit(os.environ.get("WANDB_BASE_URL", _SERVER)).hostname or ""
    try:
        return netrc.netrc(Path("~/.netrc").expanduser()).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
