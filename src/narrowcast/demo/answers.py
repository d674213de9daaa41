"""Two answers of the tuned model to look at: one that is right, one that is not."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, Field

from narrowcast.core.names import Split
from narrowcast.pipeline.project import Project
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.store.files import read_jsonl

# Short enough to be read in passing.
_MESSAGE_UP_TO = 320


class ShownAnswer(BaseModel):
    """A test message, the ticket it should get, the text the model wrote."""

    message: str
    expected: dict[str, Any]
    answer: str
    wrong_fields: list[str] = Field(description="Empty where the whole ticket is right.")


def shown_answers(project: Project, predictions: str) -> list[ShownAnswer]:
    """The first right and the first wrong answer among the test messages that name an order and a product.

    Args:
        project: the demo's.
        predictions: file of the tuned model's answers, relative to the project.
    """
    lines = read_jsonl(project.paths.root / predictions)
    answers = {line["id"]: line["text"] for line in lines if "id" in line}
    found: dict[bool, ShownAnswer] = {}
    for example in read_split(project.paths, load_manifest(project.paths), Split.TEST):
        expected = example.target
        if example.id not in answers or not isinstance(expected, dict):
            continue
        if not expected["order_id"] or not expected["product"]:
            continue
        message = str(example.inputs["text"])
        if len(message) <= _MESSAGE_UP_TO:
            wrong = _wrong_fields(expected, answers[example.id])
            sample = ShownAnswer(
                message=message, expected=expected, answer=answers[example.id], wrong_fields=wrong
            )
            found.setdefault(not wrong, sample)
    return [found[right] for right in (True, False) if right in found]


def _wrong_fields(expected: dict[str, Any], answer: str) -> list[str]:
    try:
        given = json.loads(answer)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return list(expected)
    return [name for name, value in expected.items() if given.get(name) != value]
