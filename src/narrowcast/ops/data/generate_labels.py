"""Labels for texts that have none: `narrowcast data generate --source label --texts SCHEME:PATH`."""

from __future__ import annotations

from narrowcast.core.hashing import content_hash, sha256_hex
from narrowcast.core.progress import CancelToken, Progress
from narrowcast.duplicates.requests import ComparisonRequest
from narrowcast.duplicates.row_sets import row_set
from narrowcast.errors import UsageError
from narrowcast.factory.candidate import write_candidates
from narrowcast.factory.generation import GenerationPaths, GenerationRecord, generation_id
from narrowcast.factory.held_out import HeldOutGuard, held_out_rows
from narrowcast.factory.labelling import LabelWork, Unlabelled
from narrowcast.factory.options import GenerateOptions
from narrowcast.factory.prompts import load_prompt
from narrowcast.ops.data.generate_report import (
    CostEstimate,
    GenerateOutcome,
    GeneratePreview,
    emit_failure,
    emit_run,
)
from narrowcast.ops.data.generations import (
    description_of,
    price_of,
    prompt_folder,
    spending_of,
    task_of,
    teacher_client,
)
from narrowcast.pipeline.project import Project
from narrowcast.store.files import write_text
from narrowcast.teacher.settings import TeacherSettings

_LABEL_TOKENS = 20  # of a short answer, for estimates alone


def label_texts(
    project: Project, options: GenerateOptions, *, dry_run: bool, progress: Progress, cancel: CancelToken
) -> GenerateOutcome | GeneratePreview:
    """Ask the teacher for the answer to each text of a source; the gates then see rows as any others.

    Raises:
        UsageError: where no source or no teacher is named, or the task's input is more than a text.
        DataError: where the source can not be read.
        StageError: where the teacher refuses or can not be reached; what was paid for is kept.
    """
    task, template, description = task_of(project), load_prompt(prompt_folder(project), "label"), ""
    description = description_of(project)
    texts = _texts(options)
    settings = TeacherSettings.from_environment(model=options.model, offline=project.settings.offline)
    held_out = held_out_rows(project.paths)
    work = LabelWork(
        task,
        texts,
        options,
        model=settings.model,
        template=template,
        description=description,
        guard=HeldOutGuard(held_out),
    )
    name = generation_id(
        texts=content_hash([each.text for each in texts]),
        calls=content_hash(sorted(call.key for call in work.calls.values())),
    )
    if dry_run:
        return _preview(name, settings.model, work, options, len(held_out))
    paths = GenerationPaths(project.paths, name)
    try:
        with project.lock("data generate"):
            with teacher_client(project, settings, name, options, progress, cancel) as teacher:
                work.run(teacher, progress)
            rows = work.candidates(price_of(options))
            _, digest = write_candidates(paths.rows, rows)
            record = GenerationRecord(
                id=name,
                source="label",
                writer=settings.model,
                options=options.model_dump(mode="json"),
                prompt_sha256=sha256_hex(template.encode()),
                rows=len(rows),
                unreadable=sum(row.error is not None for row in rows),
                rows_sha256=digest,
                spending=spending_of(teacher, options, stored_calls=work.stored_calls),
                stopped="cap" if teacher.exhausted else "",
            )
            write_text(paths.record, record.model_dump_json(indent=2) + "\n")
    except Exception as error:
        emit_failure(project, name, error)
        raise
    finally:
        progress.finish()
    emit_run(project, record)
    return GenerateOutcome(record=record, path=project.paths.relative(paths.rows))


def _texts(options: GenerateOptions) -> list[Unlabelled]:
    """Texts in the order of the source, then the records without one; all of them are accounted for."""
    if options.texts is None or ":" not in options.texts:
        raise UsageError(
            "no source of texts is named",
            where="--texts",
            next_command="narrowcast data generate --source label --texts csv:messages.csv",
            reason_code="factory_request_invalid",
        )

    found = row_set(options.texts, None, ComparisonRequest(column=options.column))
    texts = [Unlabelled(text) for text in found.texts]
    texts += [Unlabelled(error=row.error or "the record holds no text") for row in found.unusable]
    return texts[: options.rows]


def _preview(
    name: str, writer: str, work: LabelWork, options: GenerateOptions, held_out: int
) -> GeneratePreview:
    calls, price = list(work.calls.values()), price_of(options)
    prompt = sum(len(message.content) for call in calls for message in call.messages) // 4
    bounds = sum(call.prompt_bound for call in calls), sum(call.completion_bound for call in calls)
    answers = len(calls) * _LABEL_TOKENS
    return GeneratePreview(
        generation=name,
        writer=writer,
        cells=[],
        quotable=0,
        held_out=held_out,
        prompt=calls[0].messages[0].content if calls else "",
        estimate=CostEstimate(
            calls=len(calls),
            expected_tokens=prompt + answers,
            expected_cost=price.of(prompt, answers) if price else None,
            bound_tokens=sum(bounds),
            bound_cost=price.of(*bounds) if price else None,
        ),
    )
