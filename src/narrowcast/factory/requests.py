"""Requests of the factory's operations."""

from __future__ import annotations

from narrowcast.core.request import StageRequest


class GenerateRequest(StageRequest):
    """Generate rows with a teacher or from templates, or label given texts."""

    options_model = "narrowcast.factory.options:GenerateOptions"


class GateRequest(StageRequest):
    """Apply the gates to generated rows and import what passes, or audit the rows of an import."""

    options_model = "narrowcast.factory.options:GateOptions"

    imported: str | None = None
    """Audit the rows of this import instead: list those that the gates would reject, and change nothing."""


class JudgeRequest(StageRequest):
    """Let a model score the rows that pass the required gates."""

    options_model = "narrowcast.factory.options:JudgeOptions"


class BalanceRequest(StageRequest):
    """Leave out train rows of the largest labels."""

    options_model = "narrowcast.factory.options:BalanceOptions"
