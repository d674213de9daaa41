"""Stage 5: texts → cleaned texts, chunks and metadata; every change counted, every original kept."""

from __future__ import annotations

from narrowcast.stages.clean.options import CleanReport, Options

__all__ = ["CleanReport", "Options"]
