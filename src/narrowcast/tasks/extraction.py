"""Structured extraction: a JSON object of fields (`field_match`) or of text spans (`span_set`).

The target is rendered as JSON on one line, keys in the order of the output schema, with the separators
`", "` and `": "`: pretrained vocabularies hold ` true` and ` null` as one token, not `:true`.

A `span_set` target is `{"spans": [{"type", "start", "end", "text"?}]}` with character offsets into
`inputs["text"]`. The model is asked for texts, which it can copy, not for offsets, which it cannot count:
`{"people": ["5 adults"], "time": ["7 pm"]}`, types in the order in which they first occur in the text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from narrowcast.core.example import Example, Target
from narrowcast.core.message import Message
from narrowcast.core.metric import Gate
from narrowcast.core.names import AnswerKind, ScoringMode
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks.answer_schema import answer_schema, describe_fields, field_names, span_types
from narrowcast.tasks.base import Parsed, TaskHandler, TaskScores
from narrowcast.tasks.prompt import conversation, missing_input
from narrowcast.tasks.row_shape import RowShape, object_rows, span_rows


class ExtractionHandler(TaskHandler):
    """The answer is a JSON object in the form of `spec.output_schema`."""

    answer = AnswerKind.FIELDS
    lora_rank = 32

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self._spans = spec.scoring_mode is ScoringMode.SPAN_SET
        if self._spans:
            self.answer = AnswerKind.SPANS

    @property
    def instruction(self) -> str:
        """The specification's, or the fields with their types."""
        return self.spec.instruction or self._described

    @cached_property
    def _described(self) -> str:
        return _instruction(self.spec)

    @cached_property
    def _validator(self) -> Any:
        from jsonschema import Draft202012Validator

        return Draft202012Validator(answer_schema(self.spec))

    def check(self, example: Example) -> str | None:
        """The reason why an example cannot serve, or None.

        `empty_input`, `target_not_an_object`, `target_schema_violation`; for spans also
        `span_out_of_bounds` and `span_text_mismatch`.
        """
        if missing_input(example.inputs):
            return "empty_input"
        if not isinstance(example.target, dict):
            return "target_not_an_object"
        if self._spans:
            return self._check_spans(example.inputs, example.target)
        return None if self._validator.is_valid(example.target) else "target_schema_violation"

    def to_messages(self, inputs: Mapping[str, Any], target: Target | None = None) -> list[Message]:
        """Instruction with the fields, the input, the object as one line of JSON."""
        return conversation(self.instruction, inputs, None if target is None else self._render(target))

    def parse(self, text: str) -> Parsed:
        """Strict JSON of the right form.

        Errors: `empty_answer`, `invalid_json` (also for repeated keys and NaN), `not_an_object`, and
        `schema_violation`, whose `value` is still the object, so that its fields can be compared.
        """
        if not text.strip():
            return Parsed(error="empty_answer")
        try:
            value = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            return Parsed(error="invalid_json")
        if not isinstance(value, dict):
            return Parsed(error="not_an_object")
        return Parsed(value, None if self._validator.is_valid(value) else "schema_violation")

    def spans_in_turn(
        self, turn: str, inputs: Mapping[str, Any], target: Target
    ) -> list[tuple[str, int, int]] | None:
        """Offsets into `inputs["text"]`, moved to where the turn has it."""
        text = str(inputs.get("text", ""))
        block = text if turn == text else f"text: {text}"  # as `user_text` writes several inputs
        if not self._spans or not isinstance(target, dict) or not text or turn.count(block) != 1:
            return None
        shift = turn.index(block) + len(block) - len(text)
        return [(span["type"], shift + span["start"], shift + span["end"]) for span in target["spans"]]

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> TaskScores:
        """See `tasks.scoring_fields` and `tasks.scoring_spans`."""
        answers = [self._answer(prediction) for prediction in predictions]
        if self._spans:
            from narrowcast.tasks.scoring_spans import score_spans

            return score_spans(span_types(self.spec), examples, answers)
        from narrowcast.tasks.scoring_fields import score_fields

        return score_fields(field_names(self.spec), examples, answers)

    def default_gates(self) -> list[Gate]:
        """Nearly every answer must be readable and of the right form."""
        return [
            Gate(gate_id="answers_are_json", metric="parse_rate", operator="gte", threshold=0.98),
            Gate(gate_id="answers_fit_schema", metric="schema_rate", operator="gte", threshold=0.95),
        ]

    def row_shape(self) -> RowShape:
        """A text and its object, or its spans as texts."""
        return span_rows(span_types(self.spec)) if self._spans else object_rows(self.spec.output_schema)

    def _answer(self, prediction: Prediction) -> Parsed:
        parsed = self.parse(prediction.text)
        if parsed.error == "invalid_json" and prediction.finish == "length":
            return Parsed(error="cut_at_max_tokens")
        return parsed

    def _render(self, target: Target) -> str:
        if not isinstance(target, dict):
            return str(target)
        value = _texts_by_type(target) if self._spans else _in_order(field_names(self.spec), target)
        return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))

    def _check_spans(self, inputs: Mapping[str, Any], target: Mapping[str, Any]) -> str | None:
        spans, text = target.get("spans"), inputs.get("text")
        if not isinstance(spans, list) or not isinstance(text, str):
            return "target_schema_violation"
        known = set(span_types(self.spec))
        for span in spans:
            if not isinstance(span, dict) or span.get("type") not in known:
                return "target_schema_violation"
            start, end = span.get("start"), span.get("end")
            if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)):
                return "span_out_of_bounds"
            if span.get("text", text[start:end]) != text[start:end]:
                return "span_text_mismatch"
        return None


def _instruction(spec: TaskSpec) -> str:
    if spec.scoring_mode is ScoringMode.SPAN_SET:
        types = ", ".join(span_types(spec))
        return f"Copy the marked parts of the message into JSON lists, by type: {types}. {{}} where none."
    return f"Extract these fields from the message as JSON, null where absent: {describe_fields(spec)}."


def _in_order(names: Sequence[str], target: Mapping[str, Any]) -> dict[str, Any]:
    """Every field of the schema, null where the target lacks it; unknown ones last."""
    ordered = {name: target.get(name) for name in names}
    return {**ordered, **{name: value for name, value in target.items() if name not in ordered}}


def _texts_by_type(target: Mapping[str, Any]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for span in sorted(target["spans"], key=lambda span: (span["start"], span["end"])):
        grouped.setdefault(span["type"], []).append(span["text"])
    return grouped


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is repeated")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
