"""Closed vocabularies: splits, kinds of answers, scoring modes."""

from __future__ import annotations

from enum import StrEnum


class Split(StrEnum):
    """Where a row may be used. `golden` is locked: never trained on, never shown to a teacher."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"
    GOLDEN = "golden"


class AnswerKind(StrEnum):
    """What a task's answers are; a handler declares it, and stages decide by it instead of by the task."""

    LABEL = "label"
    LABELS = "labels"
    FIELDS = "fields"
    SPANS = "spans"
    TEXT = "text"
    CALLS = "calls"
    PREFERENCE = "preference"
    NONE = "none"

    @property
    def is_choice(self) -> bool:
        """The model chooses among given answers, which are scored without generating any."""
        return self in (AnswerKind.LABEL, AnswerKind.PREFERENCE)

    @property
    def is_closed(self) -> bool:
        """Equal inputs have one right answer; free texts and calls differ rightly."""
        return self in (AnswerKind.LABEL, AnswerKind.LABELS, AnswerKind.FIELDS, AnswerKind.SPANS)


class ScoringMode(StrEnum):
    """How structured answers are compared."""

    FIELD_MATCH = "field_match"
    SPAN_SET = "span_set"


class Provenance(StrEnum):
    """Who wrote a row."""

    HUMAN = "human"
    SYNTHETIC = "synthetic"
    PRODUCTION = "production"
