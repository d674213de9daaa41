"""Rows from templates: `narrowcast data generate --source templates`."""

from __future__ import annotations

from narrowcast.core.hashing import sha256_hex
from narrowcast.factory.candidate import write_candidates
from narrowcast.factory.generation import GenerationPaths, GenerationRecord, generation_id
from narrowcast.factory.options import GenerateOptions
from narrowcast.factory.templates import fill_templates, load_templates
from narrowcast.ops.data.generate_report import GenerateOutcome, GeneratePreview, emit_run
from narrowcast.ops.data.generations import prompt_folder
from narrowcast.pipeline.project import Project
from narrowcast.store.files import write_text


def from_templates(
    project: Project, options: GenerateOptions, *, dry_run: bool
) -> GenerateOutcome | GeneratePreview:
    """Fill every template; equal seeds give equal rows.

    Raises:
        DataError: where the templates are missing or wrong.
    """
    path = prompt_folder(project) / "templates.yaml"
    file = load_templates(path)
    rows, cells = fill_templates(file, options.rows, options.seed)
    name = generation_id(
        templates=file.model_dump(mode="json"), rows=options.rows or file.rows, seed=options.seed
    )
    if dry_run:
        first = rows[0].data if rows else None
        return GeneratePreview(
            generation=name,
            writer="templates",
            cells=cells,
            quotable=0,
            held_out=0,
            prompt=f"the first row: {first}",
            estimate=None,
        )
    paths = GenerationPaths(project.paths, name)
    with project.lock("data generate"):
        _, digest = write_candidates(paths.rows, rows)
        record = GenerationRecord(
            id=name,
            source="templates",
            writer="templates",
            options=options.model_dump(mode="json", include={"rows", "seed"}),
            prompt_sha256=sha256_hex(path.read_bytes()),
            cells=cells,
            rows=len(rows),
            rows_sha256=digest,
        )
        write_text(paths.record, record.model_dump_json(indent=2) + "\n")
    emit_run(project, record)
    return GenerateOutcome(record=record, path=project.paths.relative(paths.rows))
