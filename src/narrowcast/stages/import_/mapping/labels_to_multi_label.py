"""A text and a list of labels → multi-label classification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping import alike
from narrowcast.stages.import_.mapping.base import Role, getter, natural_order
from narrowcast.stages.import_.mapping.label_to_classification import label_name
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text
from narrowcast.stages.import_.mapping.written import written
from narrowcast.tasks.multi_label import label_set, label_set_task


class LabelsToMultiLabel:
    """An empty list is an answer: no label fits. The order of a row's labels has no meaning."""

    id = "labels_to_multi_label"
    meaning = "a text and those of a closed set of labels that fit it"
    profile = "multi_label"
    roles = (
        Role("text", "what is classified"),
        Role("labels", "list of labels, its JSON text, or a text with a separator"),
        Role("separator", "text between labels in a text, such as ;", required=False, literal=True),
        alike.ROLE,
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:
        self._text = getter(field_map["text"])
        self._labels = getter(field_map["labels"])
        self._separator = field_map.get("separator")
        self.joining = alike.Joining(field_map)
        self._allowed = frozenset(label_set(closed)) if closed else None
        self._seen: set[str] = set()

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """`{"text": ...}` and `{"labels": [...]}`, in the order of the alphabet."""
        text = require_text(self._text(data), "missing_text")
        named = {label_name(each) for each in self._listed(self._labels(data))}
        labels = natural_order(list(named))
        if self.joining.on:
            labels = natural_order(list({self.joining.label(each) for each in labels}))
        unknown = next(
            (each for each in labels if self._allowed is not None and each not in self._allowed), None
        )
        if unknown is not None:
            raise RejectRow("label_not_allowed", unknown)
        self._seen.update(labels)
        return {"text": text}, {"labels": labels}

    def _listed(self, value: Any) -> list[Any]:
        if isinstance(value, str) and self._separator:
            return [each for each in value.split(self._separator) if each.strip()]
        if isinstance(value, str):
            value = written(value)
            if isinstance(value, str) and value.strip():
                raise RejectRow("invalid_label", f"not a list: {value[:60]}; name a separator")
        if value is None or value == "":
            raise RejectRow("missing_label")
        if not isinstance(value, list):
            raise RejectRow("invalid_label", f"found {type(value).__name__}, where a list is needed")
        return value

    def task(self) -> TaskSpec:
        """The labels of all accepted rows."""
        return label_set_task(natural_order(list(self._seen)))
