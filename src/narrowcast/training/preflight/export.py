"""Whether a GGUF file can be made of what is trained: known from the base's files, so said before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from narrowcast.core.formats import SAFETENSORS
from narrowcast.core.stage import StageContext
from narrowcast.errors import MissingExtraError, ModelError
from narrowcast.models.gguf.quantise import MOST_UNFIT, QUANTISATIONS, unfit_share
from narrowcast.models.gguf.writer import GgufPlan, plan_gguf
from narrowcast.store.config_file import load_config
from narrowcast.training.preflight.finding import PreflightFinding
from narrowcast.training.setup import TrainingSetup


def export_findings(setup: TrainingSetup, ctx: StageContext) -> Iterator[PreflightFinding]:
    """A base that cannot be written, formats that do not fit it, and rows longer than the file's context."""
    formats = _formats(ctx)
    if formats is not None and set(formats) <= set(SAFETENSORS):
        return
    folder = Path(setup.base.path_or_id)
    try:
        plan = plan_gguf(folder)
    except MissingExtraError:
        return  # exporting is another machine's business, or the extra's error says what to install
    except ModelError as error:
        yield _impossible(error.what, error.where, ctx)
        return
    yield from _unfit(plan, formats or [], setup, ctx)
    context = plan.architecture.context(plan.config)
    longest = max((side.size for row in setup.train.rows for side in row.sides()), default=0)
    if longest > context:
        what = f"rows have up to {longest:,} tokens, and a GGUF file of {setup.base.name} reads {context:,}"
        yield _impossible(what, str(folder), ctx)


def _unfit(
    plan: GgufPlan, formats: Sequence[str], setup: TrainingSetup, ctx: StageContext
) -> Iterator[PreflightFinding]:
    """Of the formats that were asked for; the default ones are chosen by the export."""
    unfit = [each for each in formats if each in QUANTISATIONS and unfit_share(plan, each) > MOST_UNFIT]
    if unfit:
        width = plan.config["hidden_size"]
        what = (
            f"{', '.join(unfit)} needs rows of a multiple of 256 weights, and {setup.base.name} has {width:,}"
        )
        yield _impossible(what, setup.base.path_or_id, ctx)


def _impossible(what: str, where: str, ctx: StageContext) -> PreflightFinding:
    return PreflightFinding(
        reason_code="training_export_impossible",
        blocks=not ctx.force,
        what=what,
        where=where,
        fix="narrowcast models list, or narrowcast train --force, or other formats under `export:` in "
        "narrowcast.yaml: adapter and merged always fit",
    )


def _formats(ctx: StageContext) -> list[str] | None:
    """Those that the project asks for; the options of the export are checked before."""
    if not ctx.project.config.exists():
        return None
    named: list[str] | None = load_config(ctx.project.config).export.get("formats")
    return named
