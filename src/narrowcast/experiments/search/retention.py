"""Weights of trials that lost: removed when the study is done, because a repetition makes them again.

Figures, trace and curve stay. Where the weights were, a note says which command gives them back, to the bit.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from narrowcast.experiments.search.plan import SearchPlan
from narrowcast.experiments.search.report import train_command
from narrowcast.experiments.search.result import Trial
from narrowcast.reasons import StageName
from narrowcast.store.files import write_json


def drop_losers(
    plan: SearchPlan, trials: Sequence[Trial], best: int | None, front: Sequence[int]
) -> list[str]:
    """Remove the weights of finished trials that are neither best nor on the front.

    A run that was there before the study began is the user's, and stays.

    Returns:
        Ids of the runs whose weights were removed.
    """
    paths = plan.project.paths
    kept = {trial.run_id for trial in trials if trial.number == best or trial.number in front}
    dropped: list[str] = []
    freed = 0
    for trial in trials:
        folder = paths.adapters / trial.run_id
        if trial.run is None or not trial.made or trial.run_id in kept or not folder.exists():
            continue
        freed += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        note = {"study": plan.study, "command": train_command(plan, trial)}
        write_json(paths.dropped_note(trial.run_id), note)
        # Out of the way as a whole first: a kill in between leaves no run with half of its files.
        gone = folder.rename(paths.runs / trial.run_id / "dropped")
        shutil.rmtree(gone)
        dropped.append(trial.run_id)
    if dropped:
        plan.project.trail.emit(
            StageName.TRAINING,
            "training_weights_dropped",
            f"weights of {len(dropped):,} trials that lost were removed, {freed / 1e6:,.0f} MB",
            payload={"study": plan.study, "runs": dropped, "bytes": freed},
        )
    return dropped
