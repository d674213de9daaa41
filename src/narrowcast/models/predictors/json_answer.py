"""Structured answers as baselines read and write them: one line of JSON, spaced as the training rows are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def answer_text(value: Mapping[str, Any]) -> str:
    """The text a model would have to answer."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def field_table(targets: Sequence[str]) -> dict[str, list[Any]]:
    """Columns of the objects in rendered targets: field name to one value per row, in order."""
    objects = [json.loads(target) for target in targets]
    names = list(dict.fromkeys(name for each in objects for name in each))
    return {name: [each.get(name) for each in objects] for name in names}
