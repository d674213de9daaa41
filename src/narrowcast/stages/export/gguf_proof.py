"""GGUF files against the trained language model: weights first, then what they answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from narrowcast.core.formats import FLOAT_FORMATS
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.parity import QUANTISED_FROM, FormatParity, Mismatch, judge
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.errors import ModelError
from narrowcast.models.credit import credit_of
from narrowcast.models.gguf.identity import Identity, compare_gguf
from narrowcast.models.gguf.quantise import quantise
from narrowcast.models.gguf.vocabulary import read_vocabulary
from narrowcast.models.gguf.writer import GgufPlan, plan_gguf, write_gguf
from narrowcast.models.loading import read_run_manifest, resolve_base
from narrowcast.stages.export.exporter import HeldOut, Proof
from narrowcast.stages.export.measured import MeasuredModel, measure
from narrowcast.stages.export.merge import Trained, merged_folder
from narrowcast.stages.export.options import Options
from narrowcast.stages.export.parity import compare_file, distributions
from narrowcast.stages.export.proof import refused
from narrowcast.tasks import handler_for

_KEPT = {
    "model": "kind of tokenizer",
    "tokens": "list of tokens",
    "merges": "list of merges",
    "scores": "order of merges",
    "pre": "pre-tokeniser",
    "normalizer": "normaliser",
    "prefix": "added space",
}
"""What a run keeps of its base's vocabulary; named special tokens and the template are its own."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """One file beside the measured model's weights."""

    path: Path
    identity: Identity
    requantised: Path | None
    """The model quantised today, kept where its bytes are others."""


def compare_gguf_files(
    trained: Trained, proof: Proof, ctx: StageContext
) -> tuple[list[FormatParity], dict[str, str]]:
    """See `Exporter.compare`."""
    options, folder = proof.options, proof.folder
    runtime = {"gguf": version("gguf"), QUANTISED_FROM: options.reference}
    compared, source = _compare(trained, proof.files, options, folder, ctx)
    formats = [
        refused(name, each.path, each.identity.mismatch)
        for name, each in compared.items()
        if each.identity.mismatch
    ]
    if not formats:
        work = Work(ctx.progress, ctx.cancel)
        with _measured(trained, proof.rows, options, folder, work) as measured:
            formats = _judged(measured, compared, source, options, runtime, work)
    return formats, runtime


def _compare(
    trained: Trained, files: Mapping[str, Path], options: Options, folder: Path, ctx: StageContext
) -> tuple[dict[str, _Compared], Path | None]:
    """Each file beside the weights in memory, written anew; and the float file they are quantised from.

    The weights do not come from the folder that the files were made of: that is what is to be proven.
    """
    ctx.progress.start("parity: weights", len(files))
    quantised = any(name not in FLOAT_FORMATS for name in files)
    source = folder / "source.gguf"
    compared = {}
    with merged_folder(trained, ctx, keep=False) as merged:
        credit = credit_of(read_run_manifest(ctx.project, trained.run_id).base)
        plan = plan_gguf(merged, credit)
        foreign = _other_than_base(trained, plan, ctx)
        if quantised:
            write_gguf(merged, source, options.reference)
        for name, path in files.items():
            ctx.cancel.check()
            today = None if name in FLOAT_FORMATS else folder / f"{name}.gguf"
            if today is not None:
                quantise(source, today, name)
            identity = compare_gguf(
                path, plan, name, source=options.reference, quantised=today, run_id=trained.run_id
            )
            if foreign and not identity.mismatch:
                identity = Identity(Mismatch("tokenizer", foreign), exact=False)
            if today is not None and identity.exact:
                today.unlink()
                today = None
            compared[name] = _Compared(path, identity, today)
            ctx.progress.advance()
    return compared, source if quantised else None


def _other_than_base(trained: Trained, plan: GgufPlan, ctx: StageContext) -> str:
    """What of the tokenizer is not as in the base's own files; empty where nothing is.

    Loading and saving could lose the same on the way to the trained model and to its file, which comparing
    these two would not show. Where the base is gone, the tokenizer that was saved with the run stands alone.
    """
    base = read_run_manifest(ctx.project, trained.run_id).base
    try:
        here = resolve_base(base.name, ctx.settings.model_copy(update={"offline": True}))
    except ModelError:
        return ""
    if here.fingerprint != base.fingerprint:
        return ""
    original = read_vocabulary(Path(here.path_or_id), plan.config["vocab_size"])
    differs = (each for each in _KEPT if getattr(original, each) != getattr(plan.vocabulary, each))
    part = next(differs, "")
    return part and f"its {_KEPT[part]} is not that of the base {base.name}"


@contextmanager
def _measured(
    trained: Trained, rows: HeldOut, options: Options, folder: Path, work: Work
) -> Iterator[MeasuredModel]:
    from narrowcast.models.predictors.transformers import TransformersPredictor

    reference = ModelRef.of_run(trained.run_id)
    with TransformersPredictor(reference, trained.model, trained.tokenizer, size_bytes=None) as predictor:
        yield measure(
            trained,
            predictor.predict,
            handler_for(rows.dataset.task),
            rows.examples,
            folder,
            groups=rows.groups,
            max_tokens=options.max_tokens,
            work=work,
        )


def _judged(
    measured: MeasuredModel,
    compared: Mapping[str, _Compared],
    source: Path | None,
    options: Options,
    runtime: dict[str, str],
    work: Work,
) -> list[FormatParity]:
    formats = []
    for name, each in compared.items():
        facts, settings = compare_file(measured, each.path, name, requantised=each.requantised, work=work)
        runtime.update(settings)
        verdict, cause, detail = judge(facts, options.tolerance)
        formats.append(
            FormatParity(**facts.model_dump(), identical=True, detail=detail, cause=cause, verdict=verdict)
        )
    if source is not None and not any(name in FLOAT_FORMATS for name in compared):
        _check_source(measured, source, options, formats, work)
    return formats


def _check_source(
    measured: MeasuredModel, source: Path, options: Options, formats: list[FormatParity], work: Work
) -> None:
    """Where no float file is exported, the one that was quantised must still compute what was measured."""
    top1, divergence = distributions(measured, source, work)
    facts = formats[0].model_copy(
        update={"format": options.reference, "top1_agreement": top1, "mean_kl": divergence}
    )
    verdict, cause, detail = judge(facts, tolerance=1.0)
    if verdict == "fail":
        failed = {"verdict": verdict, "cause": cause, "detail": f"before it was quantised: {detail}"}
        formats[0] = formats[0].model_copy(update=failed)
