"""Which held-out rows are measured, and how often they were looked at."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from narrowcast.core.example import Example
from narrowcast.core.hashing import short
from narrowcast.core.manifest import DatasetManifest, SplitPolicy
from narrowcast.core.model_ref import ModelRef
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.prediction import PromptRequest
from narrowcast.core.stage import StageContext
from narrowcast.core.task import TaskSpec
from narrowcast.errors import DataError, StageError
from narrowcast.evaluation.options import MeasureOptions
from narrowcast.models.loading import read_run_manifest
from narrowcast.models.predictors.exported import is_path
from narrowcast.models.predictors.load import trained_run
from narrowcast.similarity.copies import edited_copies
from narrowcast.similarity.examples import comparison_texts
from narrowcast.similarity.leakage import measure_leakage
from narrowcast.similarity.shingles import normalised
from narrowcast.store.access import record_access
from narrowcast.store.bundles import read_bundle
from narrowcast.store.datasets import read_manifest, read_split, version_entries
from narrowcast.tasks import handler_for
from narrowcast.tasks.prompt import request_for


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


def requests_of(rows: Iterable[Example], task: TaskSpec, max_tokens: int) -> list[PromptRequest]:
    """The question that each row is to a model."""
    handler = handler_for(task)
    return [
        request_for(handler, each.inputs, target=each.target, max_tokens=max_tokens, row=each.id)
        for each in rows
    ]


def count_access(ctx: StageContext, manifest: DatasetManifest, split: Split, models: Sequence[str]) -> int:
    """Note this access to a counted split; returns how many there were to its rows."""
    return record_access(ctx.project, manifest, split, ctx.run_id, models)


@dataclass(slots=True)
class Exposure:
    """What models trained on other rows may know of those to be measured.

    Attributes:
        warnings: for people.
        unknown: models that may have been trained on these rows, and why nobody can tell.
    """

    warnings: list[str] = field(default_factory=list)
    unknown: dict[ModelRef, str] = field(default_factory=dict)

    def add_unknown(self, model: ModelRef, why: str) -> None:
        """Note a model of which nothing can be proven."""
        self.unknown[model] = why
        self.warnings.append(f"whether {model} knows these rows cannot be known: {why}")


def check_not_trained_on(
    project: ProjectPaths,
    manifest: DatasetManifest,
    split: Split,
    rows: Sequence[Example],
    references: Sequence[ModelRef],
) -> Exposure:
    """What is to be said of models trained on another data-set version.

    Raises:
        StageError: where rows to be measured, or near-duplicates of them, are in the train split of that
            version or, unless dev rows are measured, in its dev split, by which the weights were chosen.
    """
    exposure = Exposure()
    for reference in references:
        version = _trained_on(project, reference)
        if version == manifest.version or (version is None and not reference.is_file):
            continue
        if version is None:
            exposure.add_unknown(reference, "what it was trained on is not known")
            continue
        former = read_manifest(project, short(version))
        if former is None:
            exposure.add_unknown(reference, _why_unknown(project, version))
            continue
        used = (Split.TRAIN,) if split is Split.DEV else (Split.TRAIN, Split.DEV)
        seen = _seen(project, former, used, rows)
        if seen:
            raise StageError(
                f"{seen} of the {len(rows)} rows, or near-duplicates of them, were seen by {reference}",
                where=f"trained on data set {short(version)}, the current one is {short(manifest.version)}",
                next_command="narrowcast train",
                reason_code="eval_rows_trained_on",
            )
        exposure.warnings.append(
            f"{reference} was trained on data set {short(version)}, not the current one; "
            f"none of these rows or of their near-duplicates was in its {' or '.join(used)} split"
        )
    return exposure


def _why_unknown(project: ProjectPaths, version: str) -> str:
    known = any(each.version == version for each in version_entries(project))
    state = "whose folder is gone" if known else "which is not of this project"
    return f"it was trained on data set {short(version)}, {state}"


def of_quick_runs(project: ProjectPaths, references: Sequence[ModelRef]) -> list[str]:
    """Warnings about models that were trained on a part of their rows."""
    warnings = []
    for reference in references:
        run = trained_run(reference, project)
        if run and project.run_manifest(run).is_file() and (drawn := read_run_manifest(project, run).drawn):
            warnings.append(f"{reference} is of a quick run: it was trained on {drawn}")
    return warnings


def _trained_on(project: ProjectPaths, reference: ModelRef) -> str | None:
    """Data-set version of the training run behind a model; None where there is none, or it is unknown."""
    run = trained_run(reference, project)
    if run:
        return read_run_manifest(project, run).dataset_version
    if reference.is_file and is_path(reference.argument):
        folder = Path(reference.argument).expanduser().parent
        return read_bundle(folder).dataset_version if (folder / "bundle.json").is_file() else None
    return None


def _seen(
    project: ProjectPaths, former: DatasetManifest, used: Sequence[Split], rows: Sequence[Example]
) -> int:
    """Rows whose inputs, whatever their target, are equal or near to those of a row in the `used` splits.

    Near as the former version was prepared: without a threshold, only equal inputs count, and edited copies
    only where they were kept together. A row that was held out in that version already is near to nothing
    that `prepare` did not report there; searched for among other rows, with other word weights, it could
    seem so.
    """
    known = [row for each in used for row in _rows_of(project, former, each)]
    rest = [each for each in former.splits if each not in used]
    held_out = {
        normalised(text) for text in _texts(row for each in rest for row in _rows_of(project, former, each))
    }
    equal = {normalised(text) for text in _texts(known)}
    texts = [normalised(text) for text in _texts(rows)]
    new = [row for row, text in zip(rows, texts, strict=True) if text not in equal and text not in held_out]
    near = _near(known, new, former.split_policy)
    return sum(text in equal for text in texts) + near


def _near(known: Sequence[Example], rows: Sequence[Example], policy: SplitPolicy) -> int:
    """How many of the rows are near-duplicates of a known one, or edited copies where the policy has them."""
    threshold = policy.near_duplicate_threshold
    if threshold is None or not rows:
        return 0
    texts = _texts([*known, *rows])
    splits = [Split.TRAIN] * len(known) + [Split.TEST] * len(rows)
    pairs = measure_leakage(texts, [None] * len(texts), splits, threshold).pairs
    near = {number for _, number in pairs}
    for copy in edited_copies(texts) if policy.edited_copies else ():
        if copy.left < len(known) <= copy.right or copy.right < len(known) <= copy.left:
            near.add(max(copy.left, copy.right))
    return len(near)


def _texts(rows: Iterable[Example]) -> list[str]:
    return comparison_texts(list(rows))


def _rows_of(project: ProjectPaths, manifest: DatasetManifest, split: Split) -> list[Example]:
    return read_split(project, manifest, split) if split in manifest.splits else []
