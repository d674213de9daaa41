"""Which step's weights a run keeps: the last one's, or those that were best on dev rows.

The choice is a function of the figures of all dev evaluations, which every checkpoint carries, so a resumed
run chooses as an uninterrupted one does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from narrowcast.core.task import TaskSpec
from narrowcast.errors import StageError
from narrowcast.tasks import handler_for
from narrowcast.training.options import Options

SelectBy = Literal["last", "loss", "metric"]


def choose_selection(options: Options, task: TaskSpec, dev_rows: int) -> tuple[SelectBy, str]:
    """What decides, and why.

    Raises:
        StageError: something is to be selected, but there are no dev rows to select by.
    """
    option = options.select_by
    if option == "auto":
        if not options.early_stopping or not dev_rows:
            return "last", "no early stopping" if dev_rows else "no dev rows"
        if handler_for(task).answer.is_choice:
            return "metric", "early stopping; answers are a choice, scored without generating any"
        return "loss", "early stopping; answers would have to be generated at each evaluation"
    if option != "last" and not dev_rows:
        raise StageError(
            f"there are no dev rows to select weights by {option} on",
            next_command="narrowcast train --select-by last, or narrowcast prepare with a dev split",
            reason_code="training_eval_missing",
        )
    return option, "asked for"


def evaluations(log_history: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The dev evaluations so far, `eval_loss` and where it was asked for `eval_score` in each."""
    return [entry for entry in log_history if "eval_loss" in entry]


def best_of(found: Sequence[Mapping[str, Any]], by: SelectBy) -> int:
    """The number of the best evaluation, from 0; among equals the lower loss, then the earlier one."""
    if by == "last":
        return len(found) - 1
    if by == "loss":
        return min(range(len(found)), key=lambda place: found[place]["eval_loss"])
    return max(
        range(len(found)), key=lambda place: (found[place]["eval_score"], -found[place]["eval_loss"], -place)
    )
