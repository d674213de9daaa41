"""The objective of a run: by name, or by what the task's answers are."""

from __future__ import annotations

from narrowcast.core.names import AnswerKind
from narrowcast.core.stage import StageOptions
from narrowcast.core.task import TaskSpec
from narrowcast.errors import StageError
from narrowcast.tasks import handler_for
from narrowcast.training.objectives import OBJECTIVES
from narrowcast.training.objectives.base import ObjectiveDefinition
from narrowcast.training.options import Options


def objective_name(options: Options, task: TaskSpec) -> str:
    """The name of what is minimised; auto takes dpo for preference pairs, else sft.

    Raises:
        StageError: the objective needs preference pairs, and the rows are not.
        UsageError: there is no objective of that name.
    """
    pairs = handler_for(task).answer is AnswerKind.PREFERENCE
    if options.objective == "auto":
        return "dpo" if pairs else "sft"
    if OBJECTIVES.get(options.objective).pairs and not pairs:
        raise StageError(
            f"{options.objective} needs preference pairs; the rows are of the task {task.profile}",
            next_command="narrowcast train --objective sft, or import pairs: --mapper preference_pair, "
            "of rated answers --mapper rated_to_preference",
            reason_code="training_dispatch_error",
        )
    return options.objective


def objective_options(options: Options, definition: ObjectiveDefinition) -> StageOptions:
    """The objective's own options, from the flat keys of a run."""
    given = options.model_dump()
    flat = {name: given[name] for name in definition.options.model_fields if name in given}
    return definition.options.model_validate({**flat, **options.objective_options})
