"""Stage 2: rows → what they seem to be. A read: it writes nothing and emits no event."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from narrowcast.core.row import SourceRow
from narrowcast.stages.import_.introspect.blocks import block_warning, blocks
from narrowcast.stages.import_.introspect.classification import classification
from narrowcast.stages.import_.introspect.dialogues import conversations, tool_calls
from narrowcast.stages.import_.introspect.gathered import rated_pairs, threads, trees
from narrowcast.stages.import_.introspect.label_sets import label_flags, label_lists, separated_labels
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
from narrowcast.stages.import_.introspect.translations import translations
from narrowcast.stages.import_.introspect.trial import MOST_REJECTED, tried

_DOUBTFUL = 0.75
_BORNE_OUT = 0.05  # a reading that fits fewer of the rows says nothing against another
_NEAR = 0.15  # readings whose confidences differ by less are all likely

# In the order in which ties are broken: the more particular shape first.
_DETECTORS = (
    bio_tags,
    spans,
    marked,
    preference,
    tool_calls,
    trees,
    threads,
    conversations,
    question_answer,
    retrieval,
    rewriting,
    translations,
    instruction,
    objects,
    classification,
    label_lists,
    label_flags,
    separated_labels,
    flat_fields,
    rated_pairs,
    text_only,
)


def introspect(rows: Iterable[SourceRow]) -> IntrospectionReport:
    """Judge the shape by the first twenty good rows and by statistics over all rows, read once, lazily.

    Each hypothesis is tried on rows drawn from all.
    """
    stats = profile(rows)
    seen = [each for detector in _DETECTORS for each in detector(stats)]
    hypotheses = [tried(each, stats) for each in seen]
    failed = [
        (before.confidence, after)
        for before, after in zip(seen, hypotheses, strict=True)
        if after.confidence < THRESHOLD <= before.confidence
    ]
    hypotheses.sort(key=lambda each: each.confidence, reverse=True)
    notes = [f"only the first {MAX_COLUMNS} columns were inspected"] if stats.cut else []
    sure = any(each.confidence >= THRESHOLD for each in hypotheses)
    merged = [] if sure else blocks(stats)
    notes += [block_warning(name, stats.columns[name].filled, stats.rows) for name in merged]
    return IntrospectionReport(
        rows=stats.rows,
        unparseable=stats.unparseable,
        first_error=stats.first_error,
        columns=[_summary(column) for column in stats.columns.values()],
        hypotheses=hypotheses,
        proposal=_proposal(hypotheses, stats, failed),
        notes=notes,
        blocks=merged,
    )


def _proposal(
    hypotheses: list[ShapeHypothesis], found: Profile, failed: list[tuple[float, ShapeHypothesis]]
) -> ProposedMapping | None:
    """The best hypothesis that has a mapper; a better one without a mapper, or that failed, is against it.

    `failed` are those that their form made sure and their rows did not, with the confidence they had. One
    that fits next to none of the rows, or uses no column beside those of the best is not a reason for doubt.
    """
    best = next((each for each in hypotheses if each.mapper_id and each.task_profile), None)
    if best is None or best.mapper_id is None or best.task_profile is None:
        return None
    against = []
    if found.unparseable > MOST_REJECTED * found.rows:
        against.append(f"{found.unparseable:,} of {found.rows:,} records cannot be parsed")
    first = hypotheses[0]
    if first is not best:
        against.append(f"the rows look more like {first.shape}: {first.warnings[0]}")
    other = next((each for each in hypotheses if _may_be_meant(each, best)), None)
    if other is not None:
        roles = ", ".join(f"{role}={column}" for role, column in other.field_map.items())
        against.append(f"the rows may as well be {other.shape} ({other.mapper_id}: {roles})")
    against += [
        f"the rows look more like {each.shape}, but {each.warnings[0]}"
        for before, each in failed
        if before > best.confidence - _NEAR
        and each.confidence > _BORNE_OUT
        and not set(each.field_map.values()) <= set(best.field_map.values())
    ]
    confidence = min(best.confidence, _DOUBTFUL) if against else best.confidence
    return ProposedMapping(
        mapper_id=best.mapper_id,
        task_profile=best.task_profile,
        field_map=best.field_map,
        confidence=confidence,
        rationale=best.rationale,
        warnings=[*against, *best.warnings],
        needs_force=confidence < THRESHOLD,
    )


def _may_be_meant(other: ShapeHypothesis, best: ShapeHypothesis) -> bool:
    """Whether rows hold two things to learn from a text, such as labels and spans, of which one is meant."""
    kinds = {other.task_profile, best.task_profile}
    return (
        len(kinds) == 2
        and kinds <= {"classification", "structured_extraction", "multi_label"}
        and other.confidence >= THRESHOLD
        and other.confidence > best.confidence - _NEAR
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
