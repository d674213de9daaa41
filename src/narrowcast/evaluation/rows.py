"""Which held-out rows are measured, and how often they were looked at."""

from __future__ import annotations

import random
from collections.abc import Sequence

from narrowcast.core.example import Example
from narrowcast.core.hashing import short
from narrowcast.core.manifest import DatasetManifest
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.stage import StageContext
from narrowcast.errors import DataError, StageError
from narrowcast.evaluation.options import MeasureOptions
from narrowcast.models.predictors.load import trained_run
from narrowcast.store.access import record_access
from narrowcast.store.datasets import read_manifest, read_split
from narrowcast.store.files import read_json

# Splits of which each access weakens the next result.
_COUNTED = (Split.TEST, Split.GOLDEN)


def held_out_rows(
    project: ProjectPaths, manifest: DatasetManifest, options: MeasureOptions, seed: int
) -> tuple[list[Example], str]:
    """The rows to measure on, in the order of their file, and in words how they were drawn.

    Raises:
        DataError: if the split does not exist or is empty.
    """
    split = Split(options.split)
    rows = read_split(project, manifest, split)
    if not rows:
        raise DataError(
            f"the {split} split has no rows",
            where=f"version {short(manifest.version)}",
            next_command="import more rows, then narrowcast prepare",
            reason_code="eval_dataset_missing",
        )
    if options.limit is None or options.limit >= len(rows):
        return rows, ""
    generator = random.Random(seed)  # noqa: S311 - a reproducible draw, not a secret
    chosen = sorted(generator.sample(range(len(rows)), options.limit))
    words = f"{options.limit:,} of {len(rows):,} rows, drawn at random with seed {seed}"
    return [rows[index] for index in chosen], words


def count_access(ctx: StageContext, manifest: DatasetManifest, split: Split, models: Sequence[str]) -> int:
    """Record an access to a counted split; returns how many there were to this version of it."""
    if split not in _COUNTED:
        return 0
    return record_access(ctx.project, manifest.version, split, ctx.run_id, models)


def check_not_trained_on(
    project: ProjectPaths, manifest: DatasetManifest, rows: Sequence[Example], references: Sequence[ModelRef]
) -> list[str]:
    """Warnings about models trained on another data-set version.

    Raises:
        StageError: if rows to be measured are in the train split of that version.
    """
    warnings = []
    for reference in references:
        version = _trained_on(project, reference)
        if version is None or version == manifest.version:
            continue
        shared = _shared_with_train(project, version, rows)
        if shared:
            raise StageError(
                f"{shared} of the rows were trained on by {reference}",
                where=f"trained on data set {short(version)}, the current one is {short(manifest.version)}",
                next_command="narrowcast train",
                reason_code="eval_rows_trained_on",
            )
        proof = "none of these rows was in its train split" if shared == 0 else "that version is gone"
        warnings.append(f"{reference} was trained on data set {short(version)}, not the current one; {proof}")
    return warnings


def _trained_on(project: ProjectPaths, reference: ModelRef) -> str | None:
    """Data-set version of the training run behind a model; None where there is none, or it is unknown."""
    run = trained_run(reference, project)
    return str(read_json(project.adapters / run / "run.json")["dataset_version"]) if run else None


def _shared_with_train(project: ProjectPaths, version: str, rows: Sequence[Example]) -> int | None:
    former = read_manifest(project, short(version))
    if former is None:
        return None
    trained = {example.hash for example in read_split(project, former, Split.TRAIN)}
    return sum(row.hash in trained for row in rows)
