"""Requests of the factory's operations."""

from __future__ import annotations

from narrowcast.core.request import StageRequest


class GenerateRequest(StageRequest):
    """Generate rows by the plan, from templates, or as answers to given texts."""

    options_model = "narrowcast.factory.options:GenerateOptions"


class GateRequest(StageRequest):
    """Apply the gates to generated rows and import what passes, or audit the rows of an import."""

    options_model = "narrowcast.factory.options:GateOptions"

    imported: str | None = None
    """Audit the rows of this import instead: name those that the gates would reject, and change nothing."""


class JudgeRequest(StageRequest):
    """Let a model score the rows that pass the required gates."""

    options_model = "narrowcast.factory.options:JudgeOptions"


class BalanceRequest(StageRequest):
    """Choose train rows of crowded labels to leave out."""

    options_model = "narrowcast.factory.options:BalanceOptions"
