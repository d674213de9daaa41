"""Texts without answers: material to label, in review or by a teacher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from narrowcast.core.task import TaskSpec
from narrowcast.stages.import_.mapping.base import Role, getter
from narrowcast.stages.import_.mapping.reasons import require_text


class TextOnly:
    """The target is empty, so that `prepare` turns such rows away, by name, until they have an answer."""

    id = "text_only"
    meaning = "a text without an answer, to be labelled"
    profile = "unlabelled"
    roles = (Role("text", "what is to be labelled"),)

    def __init__(self, field_map: Mapping[str, str], closed: TaskSpec | None = None) -> None:  # noqa: ARG002
        self._text = getter(field_map["text"])

    def transform(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """`{"text": ...}` and an empty target."""
        return {"text": require_text(self._text(data), "missing_text")}, ""

    def task(self) -> TaskSpec:
        """Nothing but the profile."""
        return TaskSpec(profile=self.profile)
