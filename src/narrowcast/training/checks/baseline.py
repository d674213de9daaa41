"""Evaluation first: no training before a baseline was measured on the same data."""

from __future__ import annotations

from pathlib import Path

from narrowcast.core.hashing import short
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.store.files import read_json, write_json
from narrowcast.store.stage_records import load_record


def baseline_version(project: ProjectPaths) -> str | None:
    """The data-set version that baselines were last measured on, or None."""
    record = load_record(project, "baseline")
    if record is None:
        return None
    result = record.result
    version = result.get("dataset_version") or result.get("payload", {}).get("dataset_version")
    return str(version) if version else None


def missing_baseline(dataset_version: str, ctx: StageContext) -> str:
    """What is wrong with the baseline, or "" where it was measured on this data set.

    A run that was forced past it is not asked again when it continues after an interruption.
    """
    version = baseline_version(ctx.project)
    if version == dataset_version or (ctx.resume and _was_forced(dataset_version, ctx)):
        return ""
    return "no baseline was measured" if version is None else "the baseline was measured on an older data set"


def require_baseline(dataset_version: str, ctx: StageContext) -> None:
    """Refuse to train where there is nothing to compare the result with.

    Raises:
        StageError: unless forced; an override is an event.
    """
    what = missing_baseline(dataset_version, ctx)
    if not what:
        return
    if not ctx.force:
        raise StageError(
            f"{what}, so the trained model could not be compared with anything",
            where=f"data set {short(dataset_version)}",
            next_command="narrowcast baseline, or the same command with --force",
            reason_code="training_baseline_missing",
        )
    ctx.emit("training_forced", f"{what}; training was forced", {"dataset_version": dataset_version})
    write_json(_mark(ctx), {"dataset_version": dataset_version, "because": what})


def _was_forced(dataset_version: str, ctx: StageContext) -> bool:
    mark = _mark(ctx)
    return mark.exists() and bool(read_json(mark)["dataset_version"] == dataset_version)


def _mark(ctx: StageContext) -> Path:
    return ctx.project.forced_note(ctx.run_id)
