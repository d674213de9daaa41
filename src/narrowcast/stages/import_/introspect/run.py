"""Stage 2: rows → what they seem to be. A read: it writes nothing and emits no event."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from narrowcast.core.row import SourceRow
from narrowcast.stages.import_.introspect.classification import classification, label_lists
from narrowcast.stages.import_.introspect.dialogues import conversations, tool_calls
from narrowcast.stages.import_.introspect.profile import MAX_COLUMNS, Column, Profile, profile
from narrowcast.stages.import_.introspect.report import (
    THRESHOLD,
    ColumnSummary,
    IntrospectionReport,
    ProposedMapping,
    ShapeHypothesis,
)
from narrowcast.stages.import_.introspect.rewriting import rewriting
from narrowcast.stages.import_.introspect.sequences import bio_tags, marked, spans
from narrowcast.stages.import_.introspect.structured import flat_fields, objects
from narrowcast.stages.import_.introspect.texts import (
    instruction,
    preference,
    question_answer,
    retrieval,
    text_only,
)

# In the order in which ties are broken: the more particular shape first.
_DETECTORS = (
    bio_tags,
    spans,
    marked,
    preference,
    tool_calls,
    conversations,
    question_answer,
    retrieval,
    rewriting,
    instruction,
    objects,
    classification,
    label_lists,
    flat_fields,
    text_only,
)


def introspect(rows: Iterable[SourceRow]) -> IntrospectionReport:
    """Judge the shape by the first twenty good rows and by statistics over all rows, read once, lazily."""
    stats = profile(rows)
    hypotheses = [each for detector in _DETECTORS for each in detector(stats)] if stats.sample else []
    hypotheses.sort(key=lambda each: each.confidence, reverse=True)
    notes = [f"only the first {MAX_COLUMNS} columns were inspected"] if stats.cut else []
    return IntrospectionReport(
        rows=stats.rows,
        unparseable=stats.unparseable,
        first_error=stats.first_error,
        columns=[_summary(column) for column in stats.columns.values()],
        hypotheses=hypotheses,
        proposal=_proposal(hypotheses, stats),
        notes=notes,
    )


def _proposal(hypotheses: list[ShapeHypothesis], found: Profile) -> ProposedMapping | None:
    """The best hypothesis that has a mapper; a better one without a mapper makes it doubtful."""
    best = next((each for each in hypotheses if each.mapper_id and each.task_profile), None)
    if best is None or best.mapper_id is None or best.task_profile is None:
        return None
    confidence, warnings = best.confidence, list(best.warnings)
    first = hypotheses[0]
    if first is not best:
        confidence = min(confidence, 0.75)
        warnings.insert(0, f"the rows look more like {first.shape}: {first.warnings[0]}")
    if found.unparseable > 0.2 * found.rows:
        confidence = min(confidence, 0.75)
        warnings.insert(0, f"{found.unparseable:,} of {found.rows:,} records cannot be parsed")
    return ProposedMapping(
        mapper_id=best.mapper_id,
        task_profile=best.task_profile,
        field_map=best.field_map,
        confidence=confidence,
        rationale=best.rationale,
        warnings=warnings,
        needs_force=confidence < THRESHOLD,
    )


def _summary(column: Column) -> ColumnSummary:
    return ColumnSummary(
        name=column.name,
        types=dict(column.types.most_common()),
        empty=column.rows - column.filled,
        distinct=column.distinct,
        mean_words=round(column.mean_words, 1) if column.types["string"] else None,
        example=_shown(column.examples[0]) if column.examples else "",
    )


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:79]}…"
