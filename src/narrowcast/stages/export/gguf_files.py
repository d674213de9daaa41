"""The GGUF files of a bundle: one with float weights, and the quantisations made from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from narrowcast.core.formats import FLOAT_FORMATS
from narrowcast.core.stage import StageContext
from narrowcast.models.credit import BaseCredit
from narrowcast.models.gguf.quantise import (
    MOST_UNFIT,
    QUANTISATIONS,
    TensorTypes,
    quantise,
    tensor_types,
    unfit_share,
)
from narrowcast.models.gguf.writer import plan_gguf, write_gguf
from narrowcast.stages.export.exporter import Files, WrittenFile
from narrowcast.stages.export.options import LANGUAGE_MODEL_FORMATS, Options
from narrowcast.store.bundles import bundle_file


def gguf_formats(options: Options) -> list[str]:
    """The GGUF files asked for, floats first."""
    known = (*FLOAT_FORMATS, *QUANTISATIONS)
    return [name for name in known if name in options.formats]


def without_unfit(merged: Path, options: Options, ctx: StageContext) -> Options:
    """The options without those default formats that llama.cpp would mostly store as another type.

    A format that was asked for stays, and is refused when it is quantised.
    """
    if tuple(options.formats) != LANGUAGE_MODEL_FORMATS:
        return options
    plan = plan_gguf(merged)
    unfit = [each for each in gguf_formats(options) if unfit_share(plan, each) > MOST_UNFIT]
    if unfit:
        width = plan.config["hidden_size"]
        ctx.progress.note(
            f"without {', '.join(unfit)}: its blocks are 256 weights wide, the model's rows {width:,}"
        )
    kept = [each for each in options.formats if each not in unfit]
    return options.model_copy(update={"formats": kept})


def write_gguf_files(
    merged: Path, bundle: Path, options: Options, name: str, credit: BaseCredit, ctx: StageContext
) -> Files:
    """Write every GGUF file that was asked for.

    Raises:
        ModelError: an architecture or tokenizer that cannot be written, or a failed quantisation.
    """
    formats = gguf_formats(options)
    if not formats:
        return {}
    ctx.progress.start("write GGUF", len(formats))
    files: dict[str, WrittenFile] = {}
    for kind in _floats(formats, options):
        path = bundle_file(bundle, kind)
        write_gguf(merged, path, kind, name=name, credit=credit)  # type: ignore[arg-type]
        files[kind] = _written(path, tensor_types(path, kind))
        ctx.progress.advance()
    source = bundle_file(bundle, options.reference)
    for kind in formats:
        if kind in QUANTISATIONS:
            ctx.cancel.check()
            path = bundle_file(bundle, kind)
            files[kind] = _written(path, quantise(source, path, kind))
            ctx.progress.advance()
    if options.reference not in formats:
        source.unlink(missing_ok=True)
        files.pop(options.reference, None)
    return files


def _written(path: Path, types: TensorTypes) -> WrittenFile:
    return WrittenFile(path, types.counts, types.fallbacks)


def _floats(wanted: Sequence[str], options: Options) -> list[str]:
    quantised = any(name in QUANTISATIONS for name in wanted)
    return [name for name in FLOAT_FORMATS if name in wanted or (quantised and name == options.reference)]
