"""Repeat a run from its manifest alone, and compare the weights."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from narrowcast.core.concerns import TRAINING
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import RunManifest
from narrowcast.core.seal import seal_nothing
from narrowcast.core.stage import StageContext, StageDefinition, StageInputs, StageOptions, StageResult
from narrowcast.core.work import Work
from narrowcast.experiments.requests import RerunRequest
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.version_copy import copy_version, kept_version


class RerunOptions(StageOptions):
    """Repeat a training run."""

    run: str
    """The run, as `narrowcast runs` lists it."""


class RerunInputs(StageInputs):
    """What is repeated."""

    manifest: RunManifest


class Rerun(StageResult):
    """The repeated run compared with the first.

    Attributes:
        identical: the weights have the same SHA-256.
        changed: what differs in code version and environment, as `name: then → now`.
        folder: the repeated run, relative to the project; kept where it differs.
    """

    run_id: str
    identical: bool
    expected_sha256: str
    weights_sha256: str
    changed: list[str]
    seconds: float
    folder: str | None = None


def rerun(project: Project, request: RerunRequest, work: Work | None = None) -> Rerun:
    """Train again with the run's base, data-set version, recipe, seed and threads, in a folder of its own.

    An interrupted repetition is continued.

    Raises:
        ModelError: if the run or its base is gone or was changed.
        DataError: if its data-set version is gone.
        CancelledError: on request, with a checkpoint.
    """
    return project.runner(work).run(STAGE, RerunOptions(run=request.run), force=True, resume=True)


def _read_inputs(options: RerunOptions, ctx: StageContext) -> RerunInputs:
    from narrowcast.models.loading import read_run_manifest

    manifest = read_run_manifest(ctx.project, options.run)
    kept_version(ctx.project, manifest.dataset_version)
    return RerunInputs(manifest=manifest, parent=options.run)


def _run(inputs: RerunInputs, _options: RerunOptions, ctx: StageContext) -> Rerun:
    from narrowcast.models.loading import read_run_manifest, require_same_base
    from narrowcast.stages.train import STAGE as TRAIN
    from narrowcast.stages.train.contract import read_inputs

    manifest = inputs.manifest
    options = _options_of(manifest)
    scratch = ProjectPaths(ctx.project.root / "training" / "reruns" / manifest.run_id)
    # Held-out rows stay where they are.
    copy_version(ctx.project, manifest.dataset_version, scratch, (Split.TRAIN, Split.DEV))
    # Forced, because the baseline was asked for the first time.
    inner = replace(
        ctx,
        project=scratch,
        run_id=manifest.run_id,
        resume=True,
        force=True,
        emit=_emit_nothing,
        seal=seal_nothing,
    )
    with _threads(manifest):
        again = read_inputs(options, inner)
        require_same_base(manifest, again.base_fingerprint, manifest.base.path)
        result = TRAIN.run(again, options, inner)
    return _compared(
        ctx.project, manifest, read_run_manifest(scratch, manifest.run_id), scratch, result.seconds
    )


STAGE = StageDefinition(
    name="rerun",
    event_stage=StageName.TRAINING,
    options=RerunOptions,
    result=Rerun,
    read_inputs=_read_inputs,
    run=_run,
    success_code="training_rerun",
    failure_code="training_runtime_error",
    cancelled_code="training_cancelled",
    subject=lambda _, options: options.run,
    holds=TRAINING,
)


def _options_of(manifest: RunManifest) -> Any:
    """Every option of the run, without what changes no weight."""
    from narrowcast.training.options import Options

    return Options.model_validate(
        {
            **{name: value for name, value in manifest.recipe.items() if name in Options.model_fields},
            "recipe": "",  # filled in already
            "time_limit_minutes": None,
            "preflight": "off",
            **({} if manifest.is_classifier else {"forgetting_check": False, "track": []}),
        }
    )


@contextmanager
def _threads(manifest: RunManifest) -> Iterator[None]:
    """As many threads as the run had: sums over another number of parts are rounded otherwise."""
    if "threads" not in manifest.environment:  # nothing of it runs in torch
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(int(manifest.environment["threads"]))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _emit_nothing(reason_code: str, message: str, payload: dict[str, Any] | None = None) -> None:
    """The events of the training are in the trail already, under the run that is repeated."""


def _compared(
    project: ProjectPaths, manifest: RunManifest, again: RunManifest, scratch: ProjectPaths, seconds: float
) -> Rerun:
    identical = again.weights_sha256 == manifest.weights_sha256
    if identical:
        shutil.rmtree(scratch.root)
    result = Rerun(
        run_id=manifest.run_id,
        identical=identical,
        expected_sha256=manifest.weights_sha256,
        weights_sha256=again.weights_sha256,
        changed=_changed(manifest, again),
        seconds=seconds,
        folder=None if identical else project.relative(scratch.adapters / manifest.run_id),
        summary=f"{manifest.run_id} was repeated to {'the same' if identical else 'other'} weights",
        reason_code="training_rerun" if identical else "training_rerun_differs",
    )
    result.payload = result.model_dump(exclude={"artifacts", "ledger", "summary", "payload"})
    return result


def _changed(then: RunManifest, now: RunManifest) -> list[str]:
    pairs = {name: (value, now.environment.get(name, "absent")) for name, value in then.environment.items()}
    pairs["narrowcast"] = (then.code_version, now.code_version)
    return [f"{name}: {old} → {new}" for name, (old, new) in pairs.items() if old != new]
