"""How rows of a task are written when a teacher generates them, or the error that they cannot be."""

from __future__ import annotations

from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.tasks import handler_for
from narrowcast.tasks.row_shape import RowShape


def row_shape(task: TaskSpec) -> RowShape:
    """The shape of the task's rows, as its handler declares it.

    Raises:
        UsageError: for a task whose rows cannot be generated.
    """
    shape = handler_for(task).row_shape()
    if shape is None:
        raise UsageError(
            f"rows of the task {task.profile} cannot be generated",
            where="task.profile in narrowcast.yaml",
            next_command="write the rows by hand and import them: narrowcast data import",
            reason_code="factory_request_invalid",
        )
    return shape
