"""A teacher's answers to texts that people wrote: one call per text; the text itself is never rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.generation import GeneratedRow, Origin
from narrowcast.core.hashing import content_hash
from narrowcast.core.progress import Progress
from narrowcast.core.task import TaskSpec
from narrowcast.errors import UsageError
from narrowcast.factory.answers import parse_json
from narrowcast.factory.held_out import HeldOutGuard
from narrowcast.factory.options import GenerateOptions
from narrowcast.factory.prompts import label_messages, response_format
from narrowcast.factory.rounds import make_call
from narrowcast.factory.shapes import row_shape
from narrowcast.teacher.call import Answer, Call
from narrowcast.teacher.client import TeacherClient
from narrowcast.teacher.settings import Price

_INPUT = "text"


@dataclass(frozen=True, slots=True)
class UnlabelledText:
    """A text without an answer, or a record without a text (`error` says why)."""

    text: str = ""
    error: str | None = None


class LabelCalls:
    """One call for each text that the teacher may see.

    Raises:
        UsageError: for a task whose input is more than a text.
        StageError: if the prompt itself, by way of task.md, holds a held-out text.
    """

    def __init__(
        self,
        task: TaskSpec,
        texts: Sequence[UnlabelledText],
        options: GenerateOptions,
        *,
        model: str,
        template: str,
        description: str,
        guard: HeldOutGuard,
    ) -> None:
        self.schema = _answer_schema(task)
        self.texts = list(texts)
        self.calls: dict[int, Call] = {}
        self.withheld: dict[int, str] = {}
        self._answers: dict[int, Answer] = {}
        self.stored_calls = 0
        form = response_format(options.structured, "answer", self.schema)
        for number, each in enumerate(self.texts):
            if each.error is not None:
                continue
            if guard.forbids(Example({_INPUT: each.text}, "")):
                self.withheld[number] = "not shown to the teacher: it is or contains a held-out text"
                continue
            messages = label_messages(template, task, each.text, description=description, schema=self.schema)
            for message in messages:
                guard.check(message.content)
            self.calls[number] = make_call(model, messages, options, form, options.seed)

    def run(self, teacher: TeacherClient, progress: Progress) -> None:
        """Ask for every text; texts that are equal are asked for once.

        Raises:
            StageError: from the teacher; answers that came are stored.
            CancelledError: on request.
        """
        by_key: dict[str, list[int]] = {}
        for number, call in self.calls.items():
            by_key.setdefault(call.key, []).append(number)
        progress.start("asking the teacher", len(self.calls))

        def take(call: Call, answer: Answer) -> None:
            self.stored_calls += answer.stored
            self._answers |= dict.fromkeys(by_key[call.key], answer)
            cost = {"cost": teacher.cost} if teacher.cost is not None else {}
            progress.advance(len(by_key[call.key]), tokens=teacher.tokens, **cost)

        teacher.ask_all(self.calls.values(), take)

    def rows(self, price: Price | None) -> list[GeneratedRow]:
        """A row for each text, in order, also where a text has no answer."""
        return [self._row(number, each, price) for number, each in enumerate(self.texts)]

    def _row(self, number: int, each: UnlabelledText, price: Price | None) -> GeneratedRow:
        problem = each.error or self.withheld.get(number)
        if problem is not None:
            return GeneratedRow(number, None, problem, each.text or None)
        answer, call = self._answers.get(number), self.calls[number]
        if answer is None:
            return GeneratedRow(number, None, "the cap was reached before this text", each.text)
        value, error = parse_json(answer.text)
        if error is None and not isinstance(value, dict):
            error = "the answer is not a JSON object"
        if error is not None:
            return GeneratedRow(number, None, error, answer.text)
        cost = price.of(answer.prompt_tokens, answer.completion_tokens) if price else None
        origin = Origin(
            writer=call.model,
            prompt=content_hash([message.to_dict() for message in call.messages]),
            call=call.key,
            tokens=answer.tokens,
            cost=None if cost is None else round(cost, 8),
        )
        # The text is the one that was read: what a teacher makes of it does not count.
        return GeneratedRow(number, {**value, _INPUT: each.text}, origin=origin)


def _answer_schema(task: TaskSpec) -> dict[str, Any]:
    """A row's schema without its input."""
    schema = row_shape(task).schema
    answer = {name: value for name, value in schema["properties"].items() if name != _INPUT}
    if _INPUT not in schema["properties"] or len(answer) != 1:
        raise UsageError(
            f"rows of a {task.profile} task are more than a text and its answer",
            where="--source label",
            next_command="narrowcast data generate --source teacher",
            reason_code="factory_request_invalid",
        )
    return {**schema, "properties": answer, "required": list(answer)}
