"""What the gates depend on."""

from __future__ import annotations

from narrowcast.core.hashing import sha256_hex
from narrowcast.core.stage import StageContext
from narrowcast.core.task import TaskSpec
from narrowcast.factory.brief import declared_task, prompt_folder
from narrowcast.factory.chosen_rows import ChosenRowsInputs, choose_rows
from narrowcast.factory.gates.settings import PluginGate, plugin_gates
from narrowcast.factory.options import GateOptions
from narrowcast.factory.project_rows import project_rows_hash
from narrowcast.factory.prompts import load_prompt
from narrowcast.models.loading import resolve_base
from narrowcast.store.generations import hash_judgements


class GateInputs(ChosenRowsInputs):
    """A generation, and everything that its rows are compared with."""

    judgements_sha256: str
    """Empty where nothing was judged."""
    project_rows: str
    """Hash of the project's rows, held-out ones included, beside those that this generation brought."""
    plugins: list[PluginGate]
    """Chosen gates that plug-ins bring."""
    task: TaskSpec
    prompt_sha256: str
    base: str
    """Fingerprint of the base model whose tokenizer counts lengths."""


def read_inputs(options: GateOptions, ctx: StageContext) -> GateInputs:
    """The generation by its files, the project by its rows.

    Raises:
        UsageError: if settings of gates are wrong.
        DataError: if nothing was generated, or the project declares no task.
        ModelError: if the base model cannot be read.
    """
    generation, rows_sha256 = choose_rows(options, ctx.project)
    prompt = load_prompt(prompt_folder(ctx.project), "generate")
    return GateInputs(
        generation=generation,
        rows_sha256=rows_sha256,
        judgements_sha256=hash_judgements(ctx.project, generation),
        project_rows=project_rows_hash(ctx.project, generation),
        plugins=plugin_gates(options),
        task=declared_task(ctx.project),
        prompt_sha256=sha256_hex(prompt.encode()),
        base=resolve_base(options.base, ctx.settings).fingerprint,
        parent=generation,
    )
