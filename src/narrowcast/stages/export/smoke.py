"""A bundle tried out: one real prompt through an exported file; and the Modelfile for Ollama."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from narrowcast.core.bundle import SmokeTrace
from narrowcast.core.formats import ANSWERING
from narrowcast.core.message import Message
from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.models.llama_client import LlamaClient
from narrowcast.models.template import template_renderer, text_of
from narrowcast.stages.export.exporter import Files
from narrowcast.stages.export.modelfile import modelfile
from narrowcast.stages.export.options import Inputs, Options, held_out
from narrowcast.store.datasets import read_split
from narrowcast.store.files import write_text
from narrowcast.tasks import handler_for


def default_format(formats: Mapping[str, object]) -> str:
    """The file that is tried out and served where none is named."""
    return next(name for name in ANSWERING if name in formats)


def smoke_trace(inputs: Inputs, files: Files, options: Options, ctx: StageContext) -> SmokeTrace:
    """Generate an answer to the first held-out prompt.

    Raises:
        StageError: if the file generates nothing at all.
    """
    name = default_format(files)
    messages = _first_prompt(inputs, options, ctx)
    with LlamaClient(files[name].path) as client:
        pieces = client.prompt_pieces(messages)
        tokens = client.tokenize(pieces)
        answer = client.ask("generate", tokens=tokens, max_tokens=options.max_tokens)
    if not answer["tokens"]:
        raise StageError(
            f"the {name} file generated nothing",
            next_command="narrowcast eval, to see whether the trained model answers",
            reason_code="export_run_failed",
        )
    return SmokeTrace(format=name, prompt=text_of(pieces), prompt_tokens=tokens, **answer)


def write_modelfile(inputs: Inputs, files: Files, bundle: Path, ctx: StageContext) -> None:
    """`Modelfile` beside the file that is served by default."""
    path = files[default_format(files)].path
    with LlamaClient(path) as client:
        info = client.info
        stops = client.ask("texts", tokens=info.stop)["texts"]
    named = {"bos_token": info.bos_token, "eos_token": info.eos_token}
    render = template_renderer(info.chat_template, named, generate=True)
    first = _first_prompt(inputs, Options(), ctx)[0]
    system = first.content if first.role == "system" else ""
    write_text(bundle / "Modelfile", modelfile(path.name, system, stops, render))


def _first_prompt(inputs: Inputs, options: Options, ctx: StageContext) -> list[Message]:
    example = read_split(ctx.project, inputs.dataset, held_out(options))[0]
    return handler_for(inputs.dataset.task).to_messages(example.inputs)
