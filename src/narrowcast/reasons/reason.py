"""What a reason code says: whose it is, how serious, what it means, and what to run next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StageName(StrEnum):
    """The stages of the loop as events name them, in the order in which data passes through them."""

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
    """How serious an event is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Reason:
    """One code: the stage that may emit it, its severity, what it means, and what to run next."""

    stage: StageName
    severity: Severity
    meaning: str
    fix: str = ""
    """Holds at least one `narrowcast` command; empty for codes that report a success."""
