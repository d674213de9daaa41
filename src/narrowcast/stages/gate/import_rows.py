"""A gated generation becomes an import: its rows, what became of each, and who wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from narrowcast.core.example import Example
from narrowcast.core.generation import GeneratedRow, GenerationRecord
from narrowcast.core.hashing import combined_hash, sha256_hex
from narrowcast.core.manifest import GeneratedBy, ImportRecord
from narrowcast.core.names import Provenance, Split
from narrowcast.core.row import RejectedRow, TransformedRow
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.factory.chosen_rows import source_row
from narrowcast.factory.gating import GatedRows
from narrowcast.store.files import json_line
from narrowcast.store.imports import ImportWriter

_MAPPER = "generated"


def import_rows(
    ctx: StageContext,
    generation: GenerationRecord,
    rows: Sequence[GeneratedRow],
    gated: GatedRows,
    split: Split | None,
    replaces: Sequence[str],
) -> ImportRecord:
    """Write the import, in the place of those that it replaces; a kill leaves it whole or absent.

    Raises:
        CancelledError: on request; nothing is kept.
        WorkspaceError: if the disk refuses.
    """
    ctx.progress.start("storing the rows", len(rows))
    with ImportWriter(ctx.project, Work(ctx.progress, ctx.cancel), replaces) as writer:
        stored = writer.store(map(source_row, rows))
        # What became of the rows is part of the name, so that no file of the former import is written over.
        name = writer.name(_MAPPER, _outcomes_hash(_outcomes(gated, "", split)))
        kept = writer.keep(_outcomes(gated, name, split))
        record = ImportRecord(
            id=name,
            locator=f"generated:{generation.id}",
            mapper=_MAPPER,
            into=split,
            rows=stored.rows,
            accepted=kept.accepted,
            rejected=kept.rejected,
            raw_sha256=stored.sha256,
            accepted_sha256=kept.accepted_sha256,
            generated_by=GeneratedBy(
                generation=generation.id,
                writer=generation.writer,
                prompt_sha256=generation.prompt_sha256,
                tokens=generation.spending.tokens,
                cost=generation.spending.cost,
                gates=[verdict.gate for verdict in gated.verdicts],
            ),
        )
        writer.commit(record)
    return record


def _outcomes_hash(outcomes: Iterable[TransformedRow | RejectedRow]) -> str:
    return combined_hash(
        sha256_hex(json_line((each.example if isinstance(each, TransformedRow) else each).to_dict()))
        for each in outcomes
    )


def _outcomes(gated: GatedRows, name: str, split: Split | None) -> list[TransformedRow | RejectedRow]:
    """What became of each row, in the order of the generation."""
    outcomes: list[TransformedRow | RejectedRow] = [
        RejectedRow(
            rejection.generated.index,
            rejection.reason,
            rejection.detail,
            data=source_row(rejection.generated).data or None,
            raw=rejection.generated.raw,
        )
        for rejection in gated.rejected
    ]
    for row in gated.passed:
        origin = row.generated.origin
        example = Example(
            inputs=row.example.inputs,
            target=row.example.target,
            source=name,
            index=row.index,
            group=origin.group,
            split=split,
            provenance=Provenance.SYNTHETIC,
            parents=tuple(origin.parents),
        )
        outcomes.append(TransformedRow(row.index, example))
    return sorted(outcomes, key=lambda outcome: outcome.index)
