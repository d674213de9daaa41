"""A text column and a label column → classification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping import alike
from narrowcast.stages.import_.mapping.base import Role, getter, natural_order
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text


class LabelToClassification:
    """Labels are names: white space around them is removed; numbers and booleans are written out."""

    id = "label_to_classification"
    meaning = "a text and one label out of a closed set"
    profile = "classification"
    roles = (
        Role("text", "what is classified"),
        Role("label", "string, integer or boolean"),
        alike.ROLE,
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:
        self._text = getter(field_map["text"])
        self._label = getter(field_map["label"])
        self._allowed = frozenset(closed.labels) if closed else None
        self.joining = alike.Joining(field_map)
        self._seen: set[str] = set()

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """`{"text": ...}` and the label."""
        text = require_text(self._text(data), "missing_text")
        label = self.joining.label(label_name(self._label(data)))
        if self._allowed is not None and label not in self._allowed:
            raise RejectRow("label_not_allowed", label)
        self._seen.add(label)
        return {"text": text}, label

    def task(self) -> TaskSpec:
        """The labels of all accepted rows."""
        return TaskSpec(profile=self.profile, labels=natural_order(list(self._seen)))


def label_name(value: Any) -> str:
    """A label as a string.

    Raises:
        RejectRow: `missing_label` or `invalid_label`.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    label = value.strip() if isinstance(value, str) else value
    if label is None or label == "":
        raise RejectRow("missing_label")
    if isinstance(label, str):
        return label
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))
    raise RejectRow("invalid_label", str(value)[:80])
