"""A gated generation becomes an import: its rows, what became of each, and who wrote them."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.core.example import Example
from narrowcast.core.generation import GeneratedRow, GenerationRecord
from narrowcast.core.hashing import sha256_hex
from narrowcast.core.manifest import GeneratedBy, ImportRecord
from narrowcast.core.names import Provenance, Split
from narrowcast.core.row import RejectedRow, SourceRow, TransformedRow
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.factory.gating import GatedRows
from narrowcast.store.imports import ImportWriter

_MAPPER = "generated"


def import_rows(
    ctx: StageContext,
    generation: GenerationRecord,
    rows: Sequence[GeneratedRow],
    gated: GatedRows,
    split: Split | None,
) -> ImportRecord:
    """Write the import by the protocol of all imports: a kill leaves it whole or absent.

    Raises:
        CancelledError: on request; nothing is kept.
        WorkspaceError: if the disk refuses.
    """
    ctx.progress.start("storing the rows", len(rows))
    with ImportWriter(ctx.project, Work(ctx.progress, ctx.cancel)) as writer:
        stored = writer.store(map(_source_row, rows))
        # The verdict is part of the name: other gates make another import of the same rows.
        verdict = sha256_hex(",".join(str(row.index) for row in gated.passed).encode())
        name = writer.name(_MAPPER, verdict)
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


def _source_row(row: GeneratedRow) -> SourceRow:
    if row.error is not None:
        return SourceRow(row.index, error=row.error, raw=row.raw)
    return SourceRow(row.index, {"row": row.data, "origin": row.origin.model_dump(exclude_defaults=True)})


def _outcomes(gated: GatedRows, name: str, split: Split | None) -> list[TransformedRow | RejectedRow]:
    """What became of each row, in the order of the generation."""
    outcomes: list[TransformedRow | RejectedRow] = [
        RejectedRow(
            rejection.generated.index,
            f"gate_{rejection.gate}",
            rejection.detail,
            data=_source_row(rejection.generated).data or None,
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
