"""A text and a column of yes or no for each label → multi-label classification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping import flags
from narrowcast.stages.import_.mapping.base import Role, getter, natural_order
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text
from narrowcast.tasks.multi_label import label_set, label_set_task


class FlagsToMultiLabel:
    """A row without a yes is an answer: no label fits."""

    id = "flags_to_multi_label"
    meaning = "a text and a column of yes or no for each label; several may fit"
    profile = "multi_label"
    roles = (Role("text", "what is classified"), flags.ROLE)

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:
        self._text = getter(field_map["text"])
        self._flags = flags.Flags(field_map["fields"])
        self._allowed = frozenset(label_set(closed)) if closed else None
        self._seen: set[str] = set()

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """`{"text": ...}` and `{"labels": [...]}`, in the order of the alphabet."""
        text = require_text(self._text(data), "missing_text")
        labels = natural_order(self._flags.labels(data))
        if self._allowed is not None:
            for label in labels:
                if label not in self._allowed:
                    raise RejectRow("label_not_allowed", label)
        self._seen.update(labels)
        return {"text": text}, {"labels": labels}

    def task(self) -> TaskSpec:
        """The labels of all accepted rows."""
        return label_set_task(natural_order(list(self._seen)))
