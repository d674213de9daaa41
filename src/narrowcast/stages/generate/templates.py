"""Rows from templates, without a teacher."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from narrowcast.core.generation import GeneratedRow, GenerationRecord
from narrowcast.core.hashing import sha256_hex
from narrowcast.core.stage import StageContext
from narrowcast.factory.brief import prompt_folder
from narrowcast.factory.options import GenerateOptions
from narrowcast.factory.templates import TemplateFile, fill_templates, load_templates
from narrowcast.stages.generate.result import GeneratePreview
from narrowcast.store.generations import generation_id


class TemplateInputs(BaseModel):
    """The templates."""

    kind: Literal["templates"] = "templates"
    file: TemplateFile
    sha256: str
    """Of `templates.yaml`."""


def read_template_inputs(options: GenerateOptions, ctx: StageContext) -> tuple[str, TemplateInputs]:
    """Id of the generation, and the templates.

    Raises:
        DataError: if the templates are missing or wrong.
    """
    path = prompt_folder(ctx.project) / "templates.yaml"
    file = load_templates(path)
    generation = generation_id(
        templates=file.model_dump(mode="json"), rows=options.rows or file.rows, seed=options.seed
    )
    return generation, TemplateInputs(file=file, sha256=sha256_hex(path.read_bytes()))


def rows_of_templates(
    generation: str, inputs: TemplateInputs, options: GenerateOptions
) -> tuple[GenerationRecord, list[GeneratedRow]]:
    """Fill every template; equal seeds give equal rows.

    Raises:
        DataError: if Faker has no such method, or refuses its arguments.
    """
    rows, cells = fill_templates(inputs.file, options.rows, options.seed)
    record = GenerationRecord(
        id=generation,
        source="templates",
        writer="templates",
        options=options.model_dump(mode="json", include={"rows", "seed"}),
        prompt_sha256=inputs.sha256,
        cells=cells,
    )
    return record, rows


def preview_templates(generation: str, inputs: TemplateInputs, options: GenerateOptions) -> GeneratePreview:
    """The cells, and the first row."""
    rows, cells = fill_templates(inputs.file, options.rows, options.seed)
    first = rows[0].data if rows else None
    return GeneratePreview(
        generation=generation, writer="templates", cells=cells, prompt=f"the first row: {first}"
    )
