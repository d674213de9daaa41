"""Generate the rows of any source, and write them with their record."""

from __future__ import annotations

from narrowcast.core.generation import GeneratedRow, GenerationRecord
from narrowcast.core.stage import StageContext
from narrowcast.factory.options import GenerateOptions
from narrowcast.stages.generate.inputs import GenerateInputs
from narrowcast.stages.generate.labels import LabelInputs, label_texts, preview_labels
from narrowcast.stages.generate.result import GeneratePreview, GenerateResult
from narrowcast.stages.generate.teacher import TeacherInputs, ask_for_rows, preview_rows
from narrowcast.stages.generate.templates import preview_templates, rows_of_templates
from narrowcast.store.generations import record_path, rows_path, write_generation


def run(inputs: GenerateInputs, options: GenerateOptions, ctx: StageContext) -> GenerateResult:
    """Answers that were paid for before are not asked for again.

    Raises:
        UsageError: if no teacher is set.
        DataError: if templates cannot be filled.
        StageError: if the teacher refuses or cannot be reached; what was paid for is kept.
        CancelledError: on request; what was paid for is kept.
    """
    draft, rows = _generated(inputs, options, ctx)
    record = write_generation(ctx.project, draft, rows)
    payload = record.model_dump(mode="json", exclude={"cells", "options"})
    if record.stopped == "cap":
        message = f"{record.id} stopped at its cap with {record.rows:,} rows"
        ctx.emit("factory_cap_reached", message, payload["spending"])
    paths = rows_path(ctx.project, record.id), record_path(ctx.project, record.id)
    artifacts = [ctx.project.relative(path) for path in paths]
    return GenerateResult(
        record=record,
        path=artifacts[0],
        artifacts=artifacts,
        summary=f"{record.rows:,} rows by {record.writer}, {record.spending.tokens:,} tokens",
        payload=payload,
    )


def preview(inputs: GenerateInputs, options: GenerateOptions, ctx: StageContext) -> GeneratePreview:
    """What a run would ask for, and what that may cost.

    Raises:
        StageError: if a prompt contains the text of a held-out row.
        DataError: if templates cannot be filled.
    """
    source, generation = inputs.source, inputs.generation
    if isinstance(source, TeacherInputs):
        return preview_rows(generation, source, options, ctx)
    if isinstance(source, LabelInputs):
        return preview_labels(generation, source, options, ctx)
    return preview_templates(generation, source, options)


def _generated(
    inputs: GenerateInputs, options: GenerateOptions, ctx: StageContext
) -> tuple[GenerationRecord, list[GeneratedRow]]:
    source, generation = inputs.source, inputs.generation
    if isinstance(source, TeacherInputs):
        return ask_for_rows(generation, source, options, ctx)
    if isinstance(source, LabelInputs):
        return label_texts(generation, source, options, ctx)
    return rows_of_templates(generation, source, options)
