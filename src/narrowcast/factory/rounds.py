"""The calls for the rows of a plan, in rounds, until each cell has its quota.

Which calls a round makes follows from the answers of earlier rounds alone. A repeated run finds those
answers in the store, makes the same calls, and so pays for nothing twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from narrowcast.core.example import Example
from narrowcast.core.generation import CellProgress, GeneratedRow, Origin
from narrowcast.core.hashing import content_hash, sha256_hex
from narrowcast.core.message import Message
from narrowcast.core.progress import Progress
from narrowcast.core.task import TaskSpec
from narrowcast.factory.answers import rows_of
from narrowcast.factory.held_out import HeldOutGuard
from narrowcast.factory.options import GenerateOptions, TeacherOptions
from narrowcast.factory.plan import Cell, GenerationPlan
from narrowcast.factory.prompts import generation_messages, response_format, rows_schema
from narrowcast.factory.shapes import row_shape
from narrowcast.tasks.row_shape import RowShape
from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.client import TeacherClient
from narrowcast.teacher.settings import Price

_SAMPLES_A_SEED = 1_000_000


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call, with the cell and the sample that it is for."""

    cell: int
    sample: int
    call: Call
    quoted: tuple[Example, ...]


@dataclass(slots=True)
class CellState:
    """A cell with its answers so far, by sample; `goal` is its quota plus rows that gates may reject."""

    cell: Cell
    goal: int
    samples: int = 0
    answers: dict[int, tuple[PlannedCall, Answer]] = field(default_factory=dict)

    @property
    def readable(self) -> int:
        """Number of rows that could be read."""
        return sum(error is None for _, answer in self.answers.values() for _, error, _ in rows_of(answer))


class PlanRounds:
    """Makes the calls of a plan, and rows of their answers."""

    def __init__(
        self,
        task: TaskSpec,
        plan: GenerationPlan,
        options: GenerateOptions,
        *,
        model: str,
        template: str,
        description: str,
        quotable: Sequence[Example],
        guard: HeldOutGuard,
    ) -> None:
        self._task, self._plan, self._options = task, plan, options
        self._model, self._template, self._description = model, template, description
        self._quotable = quotable
        self._guard = guard
        self.shape: RowShape = row_shape(task)
        self.work = [
            CellState(cell, math.ceil(cell.quota * (1 + options.extra))) for cell in plan.cells(options.rows)
        ]
        self.stored_calls = 0
        self.short_of_samples = False

    def run(self, teacher: TeacherClient, progress: Progress) -> None:
        """Ask round after round; ends where all cells are full or the caps leave no room.

        Raises:
            StageError: from the teacher, or where a prompt holds held-out text.
            CancelledError: on request.
        """
        progress.start("asking the teacher", sum(max(0, work.goal - work.readable) for work in self.work))
        while not teacher.exhausted:
            calls = {each.call.key: each for each in self.round()}
            if not calls:
                break

            def take(call: Call, answer: Answer, calls: dict[str, PlannedCall] = calls) -> None:
                mine = calls[call.key]
                self.stored_calls += answer.stored
                self.work[mine.cell].answers[mine.sample] = (mine, answer)
                cost = {"cost": teacher.cost} if teacher.cost is not None else {}
                progress.advance(
                    sum(error is None for _, error, _ in rows_of(answer)),
                    cell=self.work[mine.cell].cell.name,
                    tokens=teacher.tokens,
                    **cost,
                )

            teacher.ask_all([each.call for each in calls.values()], take)

    def want_more(self, short: Mapping[str, int]) -> None:
        """Ask for more rows in the next rounds: cell → rows that it lacks."""
        for work in self.work:
            if short.get(work.cell.name):
                work.goal = work.readable + short[work.cell.name]

    def round(self) -> Iterator[PlannedCall]:
        """The calls that the cells still need; none are repeated."""
        for number, work in enumerate(self.work):
            missing = work.goal - work.readable
            # Twice what a faithful teacher needs, and one more; no teacher is asked forever.
            limit = 2 * math.ceil(work.goal / self._options.batch) + 1
            while missing > 0:
                if work.samples >= limit:
                    self.short_of_samples = True
                    break
                count = min(missing, self._options.batch)
                yield self.ask(number, work.samples, count)
                work.samples += 1
                missing -= count

    def ask(self, number: int, sample: int, count: int) -> PlannedCall:
        """One call, checked against the held-out rows."""
        cell = self.work[number].cell
        quoted = self._quoted(cell, sample)
        variations = self._plan.variations
        messages = generation_messages(
            self._template,
            self._task,
            self.shape,
            cell,
            description=self._description,
            count=count,
            quoted=quoted,
            variation=variations[sample % len(variations)] if variations else "",
        )
        for message in messages:
            self._guard.check(message.content)
        form = response_format(self._options.structured, "rows", rows_schema(self.shape))
        # Another seed asks for other rows, also where the prompt is the same.
        repetition = self._options.seed * _SAMPLES_A_SEED + sample
        call = make_call(self._model, messages, self._options, form, repetition)
        return PlannedCall(number, sample, call, quoted)

    def _quoted(self, cell: Cell, sample: int) -> tuple[Example, ...]:
        """Rows of the cell's label where it has one; others each time, decided by content."""
        fitting = [row for row in self._quotable if row.target == cell.label] if cell.label else []
        ranked = sorted(
            fitting or self._quotable,
            key=lambda row: sha256_hex(f"{self._options.seed}:{cell.name}:{sample}:{row.hash}".encode()),
        )
        return tuple(ranked[: self._options.examples])

    def rows(self, price: Price | None) -> list[GeneratedRow]:
        """Every row of every answer, in the order of the plan."""
        rows: list[GeneratedRow] = []
        for work in self.work:
            for sample in sorted(work.answers):
                asked, answer = work.answers[sample]
                pieces = rows_of(answer)
                origin = _origin(work.cell, asked, answer, len(pieces), price)
                for data, error, raw in pieces:
                    rows.append(GeneratedRow(len(rows), data, error, raw, origin))
        return rows

    def progress_by_cell(self) -> list[CellProgress]:
        """The table of the plan."""
        return [
            CellProgress(
                name=work.cell.name,
                quota=work.cell.quota,
                rows=work.readable,
                unreadable=sum(len(rows_of(answer)) for _, answer in work.answers.values()) - work.readable,
                calls=len(work.answers),
            )
            for work in self.work
        ]


def make_call(
    model: str,
    messages: tuple[Message, ...],
    options: TeacherOptions,
    form: dict[str, object],
    sample: int = 0,
) -> Call:
    """A call with the options' parameters; `max_completion_tokens` among these takes max_tokens' place."""
    parameters: dict[str, object] = {**form, **options.parameters}
    if options.temperature is not None:
        parameters.setdefault("temperature", options.temperature)
    if "max_completion_tokens" not in parameters:
        parameters["max_tokens"] = options.max_tokens
    return Call(model, messages, parameters, sample)


def _origin(cell: Cell, asked: PlannedCall, answer: Answer, rows: int, price: Price | None) -> Origin:
    cost = price.of(answer.prompt_tokens, answer.completion_tokens) / rows if price else None
    return Origin(
        category=cell.category,
        label=cell.label,
        difficulty=cell.difficulty,
        edge_case=cell.edge_case,
        writer=asked.call.model,
        prompt=content_hash([message.to_dict() for message in asked.call.messages]),
        call=asked.call.key,
        parents=[row.id for row in asked.quoted],
        group=next((row.group for row in asked.quoted if row.group), None),
        tokens=round(answer.tokens / rows),
        cost=None if cost is None else round(cost, 8),
    )
