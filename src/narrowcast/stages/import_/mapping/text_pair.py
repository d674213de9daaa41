"""A text and the text it becomes: rewriting, splitting, summarising, translating."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter
from narrowcast.stages.import_.mapping.reasons import RejectRow, require_text


class TextPair:
    """Where a separator is named, the parts of the output stand on lines of their own."""

    id = "text_pair"
    meaning = "a text and its rewritten form"
    profile = "seq2seq"
    roles = (
        Role("text", "what is rewritten"),
        Role("output", "the rewritten text"),
        Role(
            "separator", "text between the parts of an output, such as <::::>", required=False, literal=True
        ),
    )

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._text = getter(field_map["text"])
        self._output = getter(field_map["output"])
        self._separator = field_map.get("separator")

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """`{"text": ...}` and the output."""
        text = require_text(self._text(data), "missing_text")
        output = require_text(self._output(data), "missing_output")
        if self._separator is None:
            return {"text": text}, output
        parts = [part.strip() for part in output.split(self._separator)]
        if len(parts) < 2 or not all(parts):
            raise RejectRow("missing_separator", output[:80])
        return {"text": text}, "\n".join(parts)

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)
