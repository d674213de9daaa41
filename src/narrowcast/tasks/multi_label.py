"""Multi-label classification: those of a closed set of labels that fit, as JSON: `{"labels": ["a", "b"]}`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from narrowcast.core.example import Example, Target
from narrowcast.core.metric import Gate
from narrowcast.core.names import AnswerKind
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks.base import Parsed, TaskScores
from narrowcast.tasks.extraction import ExtractionHandler


class MultiLabelHandler(ExtractionHandler):
    """Targets are `{"labels": [...]}`, of those that the output schema lists; the order has no meaning."""

    answer = AnswerKind.LABELS

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self._labels = label_set(spec)
        self._places = {label: place for place, label in enumerate(self._labels)}

    @property
    def instruction(self) -> str:
        """The specification's, or the labels there are."""
        if self.spec.instruction:
            return self.spec.instruction
        listed = ", ".join(self._labels)
        return (
            "Name every label that fits the message, in the order of this list, as JSON: "
            f'{{"labels": [...]}}, an empty list where none does. Labels: {listed}'
        )

    def parse(self, text: str) -> Parsed:
        """The object with its labels once each, in the order of the task; errors as for objects."""
        parsed = super().parse(text)
        if parsed.error is not None or not isinstance(parsed.value.get("labels"), list):
            return parsed if parsed.error else Parsed(parsed.value, "schema_violation")
        return Parsed({"labels": self._ordered(parsed.value["labels"])})

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> TaskScores:
        """See `tasks.scoring_label_sets`."""
        from narrowcast.tasks.scoring_label_sets import score_label_sets

        return score_label_sets(self._labels, examples, [self._answer(each) for each in predictions])

    def default_gates(self) -> list[Gate]:
        """Nearly every answer must be a list of known labels."""
        return [Gate(gate_id="answers_are_labels", metric="invalid_rate", operator="lte", threshold=0.02)]

    def _render(self, target: Target) -> str:
        labels = target.get("labels", []) if isinstance(target, dict) else []
        return json.dumps({"labels": self._ordered(labels)}, ensure_ascii=False, separators=(", ", ": "))

    def _ordered(self, labels: Sequence[Any]) -> list[str]:
        """In the order of the task, which is the one that is learned."""
        return sorted(set(labels), key=lambda label: self._places.get(label, len(self._places)))


def label_set(spec: TaskSpec) -> list[str]:
    """The labels of a multi-label task, in their order."""
    node: Any = spec.output_schema
    for key in ("properties", "labels", "items", "enum"):
        node = node.get(key, {}) if isinstance(node, dict) else {}
    return list(node)


def label_set_task(labels: Sequence[str]) -> TaskSpec:
    """The task of a source with these labels."""
    return TaskSpec(
        profile="multi_label",
        output_schema={
            "type": "object",
            "properties": {"labels": {"type": "array", "items": {"enum": list(labels)}}},
            "additionalProperties": False,
        },
    )
