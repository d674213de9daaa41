"""What rows look like, and which mapper fits them: ranked hypotheses, never a silent choice."""

from __future__ import annotations

from narrowcast.stages.import_.introspect.report import (
    THRESHOLD,
    IntrospectionReport,
    ProposedMapping,
    ShapeHypothesis,
)
from narrowcast.stages.import_.introspect.run import introspect

__all__ = ["THRESHOLD", "IntrospectionReport", "ProposedMapping", "ShapeHypothesis", "introspect"]
