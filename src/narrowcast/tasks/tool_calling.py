"""Tool calling: a list of calls as JSON, `[]` where no function is to be called; or a reply in words.

A task whose output schema has a property `content` takes replies in words: rows without calls may want one.

Calls match as the Berkeley Function Calling Leaderboard matches them: the same functions, in any order, each
argument one of its accepted values; texts are compared without case, spaces and `,./-_*^`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from narrowcast.core.example import Example, Target
from narrowcast.core.message import Message
from narrowcast.core.metric import Gate
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks.base import Deciding, Parsed, RowOutcome, Sums, TaskHandler, TaskScores
from narrowcast.tasks.call_match import CallMatch, match_calls
from narrowcast.tasks.prompt import conversation, missing_input
from narrowcast.tasks.row_shape import RowShape, call_rows

_WITH_WORDS = (
    "Choose the functions to call. Where one is to be called, answer with a JSON list of "
    '{"name": ..., "arguments": {...}} objects and nothing else; otherwise answer the user in words.'
)
_METRICS = ("call_accuracy", "tool_accuracy", "argument_accuracy", "invalid_rate")


class ToolCallingHandler(TaskHandler):
    """Inputs are `{"tools"?: [...], "messages": [...]}`, targets `{"tool_calls": [...], "content"?}`."""

    answer = AnswerKind.CALLS
    default_instruction = (
        "Choose the functions to call. Answer with a JSON list of "
        '{"name": ..., "arguments": {...}} objects and nothing else; answer [] where no function fits.'
    )
    lora_rank = 32
    request_fields = frozenset({"tools"})

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self._words = "content" in spec.output_schema.get("properties", {})

    @property
    def instruction(self) -> str:
        """The specification's, otherwise one of two: with replies in words, or calls alone."""
        return self.spec.instruction or (_WITH_WORDS if self._words else self.default_instruction)

    def request_inputs(
        self, messages: list[dict[str, Any]], fields: Mapping[str, Any], measured: Mapping[str, bool]
    ) -> dict[str, Any]:
        """The conversation with its tools; both as in the rows."""
        if measured.get("tools") and not fields.get("tools"):
            raise ValueError("every row that was measured has tools; send `tools`")
        if measured and "tools" not in measured and fields.get("tools"):
            raise ValueError("the model was measured without tools in the request; leave `tools` out")
        return {**fields, "messages": messages}

    def calls_in(self, text: str) -> list[dict[str, Any]]:
        """What `parse` reads as calls."""
        return _made(self.parse(text)) if text.strip() else []

    def check(self, example: Example) -> str | None:
        """`empty_input` or `target_not_calls`; None where the example can serve."""
        if missing_input(example.inputs):
            return "empty_input"
        target = example.target
        calls = target.get("tool_calls") if isinstance(target, dict) else None
        return None if isinstance(calls, list) and all(map(_is_call, calls)) else "target_not_calls"

    def to_messages(self, inputs: Mapping[str, Any], target: Target | None = None) -> list[Message]:
        """Instruction with one tool per line (after the row's own system turn), turns, calls."""
        tools = inputs.get("tools") or []
        lines = [json.dumps(tool, ensure_ascii=False) for tool in tools]
        instruction = "\n".join([self.instruction, *(["Functions:", *lines] if lines else [])])
        content = {key: value for key, value in inputs.items() if key != "tools"}
        answer = None if target is None else _rendered(target)
        messages = conversation("", content, answer)
        if messages and messages[0].role == "system":
            instruction = f"{messages.pop(0).content}\n\n{instruction}"
        return [Message("system", instruction), *messages]

    def parse(self, text: str) -> Parsed:
        """The calls, or a text where the task takes words; `empty_answer`, `not_json` or `not_calls`."""
        answer = text.strip()
        if not answer:
            return Parsed(error="empty_answer")
        try:
            value = json.loads(answer)
        except (ValueError, RecursionError):
            # What begins as calls do was meant as calls.
            return Parsed(answer) if self._words and answer[0] not in "[{" else Parsed(error="not_json")
        calls = value if isinstance(value, list) else [value]
        if all(map(_is_call, calls)):
            return Parsed(calls)
        return Parsed(answer) if self._words else Parsed(error="not_calls")

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> TaskScores:
        """Means over rows; `argument_accuracy` over the arguments that are wanted."""
        import numpy as np

        answers = [self.parse(prediction.text) for prediction in predictions]
        matches = [
            CallMatch() if answer.error else match_calls(_calls(example.target), _made(answer))
            for example, answer in zip(examples, answers, strict=True)
        ]
        values = np.array(
            [
                (match.calls, match.tools, match.arguments_right, wanted, bool(answer.error))
                for match, answer, wanted in zip(
                    matches, answers, (_wanted(each) for each in examples), strict=True
                )
            ],
            dtype=np.float64,
        ).reshape(len(examples), 5)

        likeness = self._likeness(examples, answers)

        known = np.zeros(len(examples)) if likeness is None else ~np.isnan(likeness)
        words = np.zeros(len(examples)) if likeness is None else np.nan_to_num(likeness)
        table = np.column_stack([values, np.ones(len(examples)), known, words])
        sums = Sums(table, lambda totals: _metrics(totals, words=likeness is not None))
        outcomes = [
            RowOutcome(example.id, match.calls, _wanted_answer(example), answer.value, answer.error)
            for example, match, answer in zip(examples, matches, answers, strict=True)
        ]
        deciding = {"argument_accuracy": Deciding(np.where(values[:, 3] > 0, 0, -1))}
        if likeness is not None:
            deciding["words_rouge_l"] = Deciding(np.where(np.isnan(likeness), -1, 0))
        return TaskScores(
            primary="call_accuracy",
            metrics=sums.over(np.arange(len(examples))),
            rows=outcomes,
            resample=sums.over,
            deciding=deciding,
            sums=sums,
        )

    def _likeness(self, examples: Sequence[Example], answers: Sequence[Parsed]) -> Any:
        """ROUGE-L of each reply that is wanted in words, NaN elsewhere; None where no row wants one."""
        import numpy as np

        from narrowcast.tasks.generation import text_measure

        references = [_words(example.target) for example in examples]
        if not any(references):
            return None
        measure = text_measure()
        return np.array(
            [
                measure(answer.value if isinstance(answer.value, str) else "", [text])[1] if text else np.nan
                for text, answer in zip(references, answers, strict=True)
            ]
        )

    def default_gates(self) -> list[Gate]:
        """Hardly an answer may be something else than calls."""
        return [Gate(gate_id="answers_are_calls", metric="invalid_rate", operator="lte", threshold=0.02)]

    def row_shape(self) -> RowShape:
        """Tools, a request, the calls that are right."""
        return call_rows()


def _is_call(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and isinstance(value.get("arguments"), dict)
    )


def _calls(target: Target) -> list[dict[str, Any]]:
    return list(target["tool_calls"]) if isinstance(target, dict) else []


def _words(target: Target) -> str:
    """The reply in words that is wanted; empty where calls are, or nothing."""
    return str(target.get("content") or "") if isinstance(target, dict) and not _calls(target) else ""


def _wanted_answer(example: Example) -> Any:
    return _words(example.target) or _calls(example.target)


def _made(answer: Parsed) -> list[dict[str, Any]]:
    return list(answer.value) if isinstance(answer.value, list) else []


def _metrics(totals: Any, *, words: bool) -> dict[str, Any]:
    import numpy as np

    calls, tools, right, wanted, invalid, rows, known, likeness = totals.T

    def share(part: Any, whole: Any) -> Any:
        return np.divide(part, whole, out=np.full(len(totals), np.nan), where=whole > 0)

    total = np.maximum(rows, 1)
    figures = (calls / total, tools / total, share(right, wanted), invalid / total)
    means = dict(zip(_METRICS, figures, strict=True))
    return {**means, "words_rouge_l": share(likeness, known)} if words else means


def _rendered(target: Target) -> str:
    if words := _words(target):
        return words
    calls = [{"name": call["name"], "arguments": call["arguments"]} for call in _calls(target)]
    return json.dumps(calls, ensure_ascii=False)


def _wanted(example: Example) -> int:
    return sum(len(call["arguments"]) for call in _calls(example.target))
