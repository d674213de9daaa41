"""Closed vocabularies: stages, severities, splits, task profiles, scoring modes."""

from __future__ import annotations

from enum import StrEnum


class StageName(StrEnum):
    """The stages of the loop as events name them, in the order of the way of the data."""

    INGESTION = "ingestion"
    CLEANING = "cleaning"
    FACTORY = "factory"
    PREPARE = "prepare"
    BASELINE = "baseline"
    TRAINING = "training"
    EVAL = "eval"
    EXPORT = "export"
    DEPLOYMENT = "deployment"
    SYSTEM = "system"


class Severity(StrEnum):
    """How loud an event is. Errors and criticals must carry a reason code."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class Split(StrEnum):
    """Where a row may be used. `golden` is locked: never trained on, never shown to a teacher."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"
    GOLDEN = "golden"


class TaskProfile(StrEnum):
    """What is learned; each has one handler in `narrowcast.tasks`."""

    CLASSIFICATION = "classification"
    STRUCTURED_EXTRACTION = "structured_extraction"
    QA = "qa"
    INSTRUCTION = "instruction"
    CHAT = "chat"
    RAG = "rag"
    SEQ2SEQ = "seq2seq"
    TOOL_CALLING = "tool_calling"
    ALIGNMENT = "alignment"
    UNLABELLED = "unlabelled"


class ScoringMode(StrEnum):
    """How structured answers are compared."""

    FIELD_MATCH = "field_match"
    SPAN_SET = "span_set"


class Provenance(StrEnum):
    """Who wrote a row."""

    HUMAN = "human"
    SYNTHETIC = "synthetic"
    PRODUCTION = "production"
