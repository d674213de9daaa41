"""A text and a column of yes or no for each label, one yes a row → classification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping import flags
from narrowcast.stages.import_.mapping.base import Role, getter, natural_order
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text


class FlagsToClassification:
    """The label is the name of the column that says yes."""

    id = "flags_to_classification"
    meaning = "a text and a column of yes or no for each label; exactly one fits"
    profile = "classification"
    roles = (Role("text", "what is classified"), flags.ROLE)

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:
        self._text = getter(field_map["text"])
        self._flags = flags.Flags(field_map["fields"])
        self._allowed = frozenset(closed.labels) if closed else None
        self._seen: set[str] = set()

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """`{"text": ...}` and the label."""
        text = require_text(self._text(data), "missing_text")
        labels = self._flags.labels(data)
        if not labels:
            raise RejectRow("missing_label")
        if len(labels) > 1:
            raise RejectRow("invalid_label", f"several columns say yes: {', '.join(labels)}"[:80])
        if self._allowed is not None and labels[0] not in self._allowed:
            raise RejectRow("label_not_allowed", labels[0])
        self._seen.add(labels[0])
        return {"text": text}, labels[0]

    def task(self) -> TaskSpec:
        """The labels of all accepted rows."""
        return TaskSpec(profile=self.profile, labels=natural_order(list(self._seen)))
