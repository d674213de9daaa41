"""A teacher's answers to texts that have none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Literal

from pydantic import BaseModel

from narrowcast.connectors import connect
from narrowcast.connectors.base import SourceAccess
from narrowcast.connectors.text_column import find_column, strings
from narrowcast.core.generation import GeneratedRow, GenerationRecord
from narrowcast.core.hashing import content_hash, sha256_hex
from narrowcast.core.locator import Locator
from narrowcast.core.stage import StageContext
from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError, UsageError
from narrowcast.factory.brief import declared_task, description, prompt_folder
from narrowcast.factory.held_out import HeldOutGuard, held_out_rows
from narrowcast.factory.labelling import LabelCalls, UnlabelledText
from narrowcast.factory.options import GenerateOptions
from narrowcast.factory.prompts import load_prompt
from narrowcast.factory.teacher_run import (
    estimate,
    open_teacher,
    spending,
    teacher_name,
)
from narrowcast.stages.generate.result import GeneratePreview
from narrowcast.store.generations import generation_id
from narrowcast.teacher.call import Call
from narrowcast.teacher.estimate import CostEstimate

_TOKENS_PER_ANSWER = 20  # of a short answer; for estimates alone
_SCANNED = 200  # records that decide which column holds the text


class LabelInputs(BaseModel):
    """The texts, and how the teacher is asked about them."""

    kind: Literal["label"] = "label"
    writer: str
    task: TaskSpec
    template: str
    description: str
    texts: list[UnlabelledText]


def read_label_inputs(options: GenerateOptions, ctx: StageContext) -> tuple[str, LabelInputs]:
    """Id of the generation, and the texts.

    Raises:
        UsageError: if no source is named, or the task's input is more than a text.
        DataError: if task or prompt are missing, or the source cannot be read.
        StageError: if the prompt contains the text of a held-out row.
    """
    inputs = LabelInputs(
        writer=teacher_name(ctx.settings, options),
        task=declared_task(ctx.project),
        template=load_prompt(prompt_folder(ctx.project), "label"),
        description=description(ctx.project),
        texts=_texts(options, ctx),
    )
    calls = _calls(inputs, options, HeldOutGuard(held_out_rows(ctx.project)))
    generation = generation_id(
        texts=content_hash([text.text for text in inputs.texts]),
        calls=content_hash(sorted(call.key for call in calls.calls.values())),
    )
    return generation, inputs


def label_texts(
    generation: str, inputs: LabelInputs, options: GenerateOptions, ctx: StageContext
) -> tuple[GenerationRecord, list[GeneratedRow]]:
    """Ask for the answer to each text; the gates see the rows as any others.

    Raises:
        UsageError: if no teacher is set.
        StageError: from the teacher; answers that came are stored.
        CancelledError: on request.
    """
    calls = _calls(inputs, options, HeldOutGuard(held_out_rows(ctx.project)))
    expected = _estimate(list(calls.calls.values()), options, ctx)
    with open_teacher(ctx, generation, options) as teacher:
        ctx.progress.note(f"data generate: {expected.sentence}")
        calls.run(teacher, ctx.progress)
    record = GenerationRecord(
        id=generation,
        source="label",
        writer=inputs.writer,
        options=options.model_dump(mode="json"),
        prompt_sha256=sha256_hex(inputs.template.encode()),
        spending=spending(teacher, options, stored_calls=calls.stored_calls),
        stopped="cap" if teacher.exhausted else "",
    )
    return record, calls.rows(options.price)


def preview_labels(
    generation: str, inputs: LabelInputs, options: GenerateOptions, ctx: StageContext
) -> GeneratePreview:
    """The first prompt, and what all answers may cost."""
    held_out = held_out_rows(ctx.project)
    calls = list(_calls(inputs, options, HeldOutGuard(held_out)).calls.values())
    return GeneratePreview(
        generation=generation,
        writer=inputs.writer,
        held_out=len(held_out),
        prompt=calls[0].messages[0].content if calls else "",
        estimate=_estimate(calls, options, ctx),
    )


def _estimate(calls: Sequence[Call], options: GenerateOptions, ctx: StageContext) -> CostEstimate:
    return estimate(calls, len(calls) * _TOKENS_PER_ANSWER, options, ctx)


def _calls(inputs: LabelInputs, options: GenerateOptions, guard: HeldOutGuard) -> LabelCalls:
    return LabelCalls(
        inputs.task,
        inputs.texts,
        options,
        model=inputs.writer,
        template=inputs.template,
        description=inputs.description,
        guard=guard,
    )


def _texts(options: GenerateOptions, ctx: StageContext) -> list[UnlabelledText]:
    """Texts in the order of the source, then the records without one; all of them are accounted for."""
    if options.texts is None or ":" not in options.texts:
        raise UsageError(
            "no source of texts is named",
            where="--texts",
            next_command="narrowcast data generate --source label --texts csv:messages.csv",
            reason_code="factory_request_invalid",
        )
    locator = Locator.parse(options.texts)
    connector = connect(locator, SourceAccess.of(ctx.settings, ctx.project.raw / "downloads"))
    column = options.column or find_column(islice(connector.load(), _SCANNED))
    texts, unusable = [], []
    for row in connector.load():
        text = "\n".join(each for _, each in strings(row.data.get(column)))
        if row.error is not None or not text.strip():
            unusable.append(UnlabelledText(error=row.error or "the record contains no text"))
        else:
            texts.append(UnlabelledText(text))
    if not texts:
        raise DataError(
            f"no row has text in column {column!r}",
            where=locator.public,
            next_command="--column NAME; `narrowcast data introspect` lists the columns",
            reason_code="factory_rows_missing",
        )
    return [*texts, *unusable][: options.rows]
