"""What a generation depends on, by its source. The id of a generation is made of what decides its rows."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from narrowcast.core.stage import StageContext, StageInputs
from narrowcast.factory.options import GenerateOptions
from narrowcast.stages.generate.labels import LabelInputs, read_label_inputs
from narrowcast.stages.generate.teacher import TeacherInputs, read_teacher_inputs
from narrowcast.stages.generate.templates import TemplateInputs, read_template_inputs

SourceInputs = TeacherInputs | TemplateInputs | LabelInputs


class GenerateInputs(StageInputs):
    """Everything that decides the rows besides the options."""

    generation: str
    """Id of the generation; it stays the same where only caps, prices or patience change."""
    source: SourceInputs = Field(discriminator="kind")


_READERS: dict[str, Callable[[GenerateOptions, StageContext], tuple[str, SourceInputs]]] = {
    "teacher": read_teacher_inputs,
    "templates": read_template_inputs,
    "label": read_label_inputs,
}


def read_inputs(options: GenerateOptions, ctx: StageContext) -> GenerateInputs:
    """Read and check what the source needs, before anything is spent.

    Raises:
        UsageError: if the source lacks an option.
        DataError: if task, plan, prompt, templates or texts are missing or wrong.
        StageError: if a prompt for texts contains the text of a held-out row.
    """
    generation, source = _READERS[options.source](options, ctx)
    return GenerateInputs(generation=generation, source=source, parent=generation)
