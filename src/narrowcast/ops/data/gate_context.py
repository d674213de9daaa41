"""What the gates are told about a project: its rows, its held-out rows, its prompts, its base's tokenizer."""

from __future__ import annotations

from narrowcast.factory.gates.base import GateContext
from narrowcast.factory.generation import GenerationPaths, GenerationRecord
from narrowcast.factory.held_out import held_out_rows
from narrowcast.factory.options import GateOptions
from narrowcast.factory.prompts import load_prompt
from narrowcast.models.loading import load_tokenizer, resolve_base
from narrowcast.ops.data.generations import prompt_folder, task_of
from narrowcast.pipeline.project import Project
from narrowcast.store.files import read_jsonl
from narrowcast.store.import_rows import accepted_rows


def gate_context(
    project: Project,
    record: GenerationRecord,
    paths: GenerationPaths,
    options: GateOptions,
    *,
    judged: bool = True,
) -> GateContext:
    """Read everything once; where rows were judged, the judge's gate is asked too (unless `judged` is False).

    Raises:
        ModelError: where the base's tokenizer can not be read.
        DataError: where the project declares no task.
    """
    held_out = held_out_rows(project.paths)
    locked = {row.id for row in held_out}
    base = resolve_base(options.base, project.settings)
    judgements = None
    if judged and paths.judged.exists():
        lines = read_jsonl(paths.judged)
        judgements = {line["index"]: "" if line["accepted"] else line["why"] for line in lines}
        if "llm_judge" not in options.optional:
            options = options.model_copy(update={"optional": [*options.optional, "llm_judge"]})
    return GateContext(
        task=task_of(project),
        options=options,
        root=project.paths.root,
        accepted=[row for row in accepted_rows(project.paths) if row.id not in locked],
        held_out=held_out,
        prompts=[load_prompt(prompt_folder(project), "generate")],
        quotas={cell.name: cell.quota for cell in record.cells},
        judgements=judgements,
        tokenizer=load_tokenizer(base),
        max_tokens=min(options.max_tokens or base.context_length, base.context_length),
    )
