"""What rows look like, and which mapper fits them: ranked hypotheses, never a silent choice."""

from __future__ import annotations

from narrowcast.stages.introspect.report import (
    THRESHOLD,
    IntrospectionReport,
    ProposedMapping,
    ShapeHypothesis,
)
from narrowcast.stages.introspect.run import introspect

__all__ = ["THRESHOLD", "IntrospectionReport", "ProposedMapping", "ShapeHypothesis", "introspect"]
