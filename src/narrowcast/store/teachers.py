"""What models were asked before they wrote or judged rows, in the workspace: `teachers/<key>.json`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from narrowcast.core.hashing import short
from narrowcast.errors import DataError
from narrowcast.store.files import read_json, write_json


class CheckedModel(BaseModel):
    """How a model answered.

    Attributes:
        model: as the endpoint calls it.
        endpoint: hash of its address, which may hold a secret.
        role: teacher or judge.
        right: right answers.
        asked: questions.
        passed: whether that was enough.
        wrong: the questions that it answered wrongly.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    endpoint: str
    role: str
    right: int
    asked: int
    passed: bool
    wrong: list[str]


def checked_model(home: Path, key: str) -> CheckedModel | None:
    """The kept outcome; None where there is none, or none that can be read: the model is asked again."""
    path = _path(home, key)
    try:
        return CheckedModel.model_validate(read_json(path)) if path.exists() else None
    except (DataError, ValidationError):
        return None


def keep_checked_model(home: Path, key: str, outcome: CheckedModel) -> None:
    """Write the outcome."""
    write_json(_path(home, key), outcome.model_dump())


def _path(home: Path, key: str) -> Path:
    return home / "teachers" / f"{short(key)}.json"
