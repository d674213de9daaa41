"""What the judgements depend on."""

from __future__ import annotations

from typing import Any

from narrowcast.core.stage import StageContext
from narrowcast.core.task import TaskSpec
from narrowcast.factory.brief import declared_task, description, prompt_folder
from narrowcast.factory.chosen_rows import ChosenRowsInputs, choose_rows
from narrowcast.factory.options import GateOptions, JudgeOptions
from narrowcast.factory.project_rows import project_rows_hash
from narrowcast.factory.prompts import load_prompt
from narrowcast.models.loading import resolve_base
from narrowcast.store.config_file import read_options
from narrowcast.teacher.settings import TeacherSettings


class JudgeInputs(ChosenRowsInputs):
    """A generation, the judge, and the gates that rows pass before they are paid for."""

    judge: str
    """The model, as the endpoint calls it."""
    task: TaskSpec
    template: str
    description: str
    gates: GateOptions
    """The project's options of the gates, without optional gates."""
    project_rows: str
    """Hash of the project's rows, held-out ones included, beside those that this generation brought."""
    base: str
    """Fingerprint of the base model whose tokenizer counts lengths."""


def read_inputs(options: JudgeOptions, ctx: StageContext) -> JudgeInputs:
    """The generation by its rows, the judge by its name.

    Raises:
        UsageError: if no judge is set, or the options of the gates are wrong.
        DataError: if nothing was generated, or task or prompt are missing.
        ModelError: if the base model cannot be read.
    """
    generation, rows_sha256 = choose_rows(options, ctx.project)
    required: dict[str, Any] = {"optional": [], "settings": {}}
    gates = read_options(ctx.project.config, "gate", GateOptions, required, command="data gate")
    return JudgeInputs(
        generation=generation,
        rows_sha256=rows_sha256,
        judge=TeacherSettings.of(ctx.settings, model=options.model).model,
        task=declared_task(ctx.project),
        template=load_prompt(prompt_folder(ctx.project), "judge"),
        description=description(ctx.project),
        gates=gates,
        project_rows=project_rows_hash(ctx.project, generation),
        base=resolve_base(gates.base, ctx.settings).fingerprint,
        parent=generation,
    )
