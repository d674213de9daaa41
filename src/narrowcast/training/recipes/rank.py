"""How wide an adapter should be: the rank table of practice, by task and number of rows.

4 to 8 for very narrow classification or formatting, 16 to begin with, 32 for extraction, tools and style, 64
for a whole domain, which only many rows can fill. A wider adapter forgets and overfits more, so the rank is
never raised for its own sake.
"""

from __future__ import annotations

from narrowcast.core.names import AnswerKind
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for

_FEW_ROWS, _MANY_ROWS = 500, 20_000
_FEW_LABELS = 12


def rank_for(task: TaskSpec, rows: int) -> tuple[int, str]:
    """The rank and why; 4, 8, 16, 32 or 64."""
    handler, name = handler_for(task), task.profile.replace("_", " ")
    if handler.answer is AnswerKind.LABEL:
        narrow = len(task.labels) <= _FEW_LABELS
        rank, why = (8, f"{len(task.labels)} labels") if narrow else (16, f"{len(task.labels)} labels")
    elif handler.lora_rank is not None:
        rank, why = handler.lora_rank, name
    elif rows >= _MANY_ROWS:
        rank, why = 64, f"a domain in {rows:,} rows"
    else:
        rank, why = 16, name
    if rows < _FEW_ROWS:
        return max(4, rank // 2), f"{why}; halved, as there are {rows:,} rows"
    return rank, why
