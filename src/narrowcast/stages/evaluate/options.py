"""Options of the two measuring stages. Stated once; CLI, API and configuration read them here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from narrowcast.core.metric import Gate
from narrowcast.stages.base import StageOptions


class MeasureOptions(StageOptions):
    """What `baseline` and `evaluate` share."""

    split: Literal["dev", "test", "golden"] = "test"
    """Held-out rows to measure on. Looks at test and golden are counted."""
    limit: int | None = Field(None, ge=1)
    """Measure on this many rows, drawn at random with the seed; all rows otherwise."""
    seed: int = 0
    """Of the row draw, the few-shot draw and the bootstrap."""
    samples: int = Field(1000, ge=100)
    """Bootstrap resamples behind each interval."""
    max_tokens: int = Field(256, ge=1)
    """Longest answer, in tokens."""
    base: str = ""
    """Base model of `base` and `base-few-shot`; empty takes the one of the train stage."""
    shots: int = Field(8, ge=1)
    """Examples in the prompt of `base-few-shot`, at most."""
    reuse: bool = True
    """Take predictions from an earlier run of the same weights on the same prompts."""


class BaselineOptions(MeasureOptions):
    """What a fine-tune has to beat, measured."""

    models: list[str] | None = None
    """Predictor references: majority, tfidf, tfidf-chars, base, base-few-shot; auto: what suits the task."""


class EvaluateOptions(MeasureOptions):
    """Trained or exported models, measured, gated and compared."""

    models: list[str] | None = None
    """Predictor references such as run:exp-0123456789 or gguf:q8_0; auto takes the newest trained run."""
    against: list[str] | None = None
    """Models to compare with on the same rows; auto takes those of the last `baseline`."""
    gates: list[Gate] | None = None
    """Bars the models must clear; auto takes those of the task."""
