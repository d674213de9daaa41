"""The tournament itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from narrowcast.core.concerns import TRAINING
from narrowcast.core.work import Work
from narrowcast.experiments.measured_run import (
    MeasuredRun,
    RunSetup,
    compared,
    measured_runs,
    require_dev_rows,
)
from narrowcast.experiments.tournament.choose import (
    announced,
    entry_of,
    mark_front,
    sentence_of,
    within_limits,
)
from narrowcast.experiments.tournament.record import held_before, keep, lineup, question_of
from narrowcast.experiments.tournament.result import Limits, Lineup, Tournament
from narrowcast.pipeline.project import Project
from narrowcast.pipeline.runner import now
from narrowcast.stages.train import STAGE
from narrowcast.store.stage_records import set_current

_ALONE = 30  # answers that are asked for one at a time, where latency is limited


def tournament(
    project: Project, limits: Limits, overrides: dict[str, Any], work: Work | None = None
) -> Tournament:
    """Train every entrant, measure each on dev rows, and make the best the current run.

    Where nothing has changed since the last tournament, its choice is taken. What has finished before is
    taken from its record, and an interrupted run is continued, with the same entrants.

    Raises:
        StageError: with one of the codes `training_*`; no dev rows; no entrant within the limits.
        UsageError: for wrong options of the export; if nothing is left to train.
        CancelledError: on request.
    """
    work, started = work or Work(), now()
    require_dev_rows(project, "choose a model on")
    question = question_of(project, limits, overrides)
    held, _ = held_before(project, question)
    with project.lock("train", TRAINING):
        if held is not None:
            work.progress.note(f"tournament: up to date, {held.sentence}")
        else:
            entering = lineup(project, limits, overrides, question)
            for sentence in announced(entering):
                work.progress.note(sentence)
            setup = RunSetup(work, limits.dev_rows, alone=_ALONE if limits.latency_ms is not None else 0)
            named = [(each.name, {**overrides, **each.options}) for each in entering.taking]
            held = _judged(project, entering, measured_runs(project, named, setup), limits, setup)
            keep(project, question, held, started)
        set_current(project.paths, STAGE.name, held.chosen)
    return held


def _judged(
    project: Project, entering: Lineup, runs: Sequence[MeasuredRun], limits: Limits, setup: RunSetup
) -> Tournament:
    entries = [entry_of(each, run, limits) for each, run in zip(entering.taking, runs, strict=True)]
    mark_front(entries)
    ordered = within_limits(entries)
    metric, n = runs[0].metric, min(run.n for run in runs)
    comparisons = compared(project, [each.run_id for each in ordered], setup)
    return Tournament(
        metric=metric,
        n=n,
        entries=[*entries, *entering.out],
        chosen=ordered[0].run_id,
        sentence=sentence_of(ordered, len(entries), comparisons, metric, n),
        seconds=sum(run.seconds for run in runs),
    )
