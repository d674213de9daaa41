"""The study: Optuna's journal in the project's folder, one line an operation.

Each trial has a sampler of its own, seeded by the number of the trial, so the study is a function of its
seed and its history: after a kill it continues with the points that it would have tried. A trial that was
running when the process died is taken up again, with its point and its figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from narrowcast.experiments.search.space import Dimension, Space

_AT_RANDOM = 6  # trials before the sampler goes by what it saw, the first one included
_UNPRUNED = 3  # finished trials before one is ended early
_FIRST_PRUNED = 2  # evaluation, of those a trial has
_JOURNAL = "study.jsonl"
_RESULT = "result"  # user attribute of a trial: its results


class Study:
    """A search's trials, on disk. The caller holds the project's lock.

    Args:
        folder: of the study.
        space: what is varied.
        seed: of the points.
        start: the first trial's point.
    """

    def __init__(self, folder: Path, space: Space, seed: int, start: Mapping[str, Any]) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        folder.mkdir(parents=True, exist_ok=True)
        # The caller holds the project's lock, so whoever held this one is dead.
        (folder / f"{_JOURNAL}.lock").unlink(missing_ok=True)
        _cut_torn_line(folder / _JOURNAL)
        self._seed = seed
        self._distributions = {name: _distribution(each) for name, each in space.items()}
        self._study = optuna.create_study(
            study_name=folder.name,
            storage=_storage(folder),
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=_UNPRUNED, n_warmup_steps=_FIRST_PRUNED, n_min_trials=2
            ),
        )
        if not self._study.get_trials(deepcopy=False):
            self._study.enqueue_trial(dict(start))

    def results(self) -> list[dict[str, Any]]:
        """The result of each finished trial, in order."""
        return [
            {"number": trial.number, **trial.user_attrs[_RESULT]}
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.is_finished() and _RESULT in trial.user_attrs
        ]

    def next(self) -> optuna.Trial:
        """The trial that was running when the study was left, else a new one."""
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if running:
            return optuna.Trial(self._study, running[0]._trial_id)
        number = len(self._study.get_trials(deepcopy=False, states=_FINISHED))
        self._study.sampler = optuna.samplers.TPESampler(
            seed=self._seed * 1_000_003 + number, n_startup_trials=_AT_RANDOM, multivariate=True
        )
        return self._study.ask(self._distributions)

    def prune(self, trial: optuna.Trial, number: int, score: float) -> bool:
        """Report a score; true where the trial should end, below the median of those before it."""
        if number not in self._study.get_trials(deepcopy=False)[trial.number].intermediate_values:
            trial.report(score, number)  # after a resume, it may be known already
        return trial.should_prune()

    def finish(self, trial: optuna.Trial, result: dict[str, Any], score: float | None) -> None:
        """Store the result of a trial; without a score it failed, or was ended early."""
        trial.set_user_attr(_RESULT, result)
        if result["state"] == "pruned":
            self._study.tell(trial, state=TrialState.PRUNED)
        elif score is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, score)


_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def finished(folder: Path) -> int:
    """How many trials of a study have finished; nothing is written."""
    if not (folder / _JOURNAL).exists():
        return 0
    study = optuna.load_study(study_name=folder.name, storage=_storage(folder))
    return len(study.get_trials(deepcopy=False, states=_FINISHED))


def _storage(folder: Path) -> JournalStorage:
    journal = str(folder / _JOURNAL)
    return JournalStorage(JournalFileBackend(journal, lock_obj=JournalFileOpenLock(journal)))


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.values:
        return CategoricalDistribution(dimension.values)
    assert dimension.low is not None
    assert dimension.high is not None
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _cut_torn_line(journal: Path) -> None:
    """A kill in the middle of a write leaves half a line, after which nothing could be read."""
    if not journal.exists():
        return
    whole = journal.read_bytes()
    end = whole.rfind(b"\n") + 1
    if end < len(whole):
        with journal.open("r+b") as file:
            file.truncate(end)
