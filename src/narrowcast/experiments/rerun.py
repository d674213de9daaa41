"""Repeat a run from its manifest alone, and compare the weights."""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from narrowcast.core.hashing import short
from narrowcast.core.names import Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.run import RunManifest
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.errors import DataError, ModelError
from narrowcast.experiments.requests import RerunRequest
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.files import read_json, write_text


class Rerun(BaseModel):
    """The repeated run beside the first one."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    run_id: str
    identical: bool
    """The weights have the same SHA-256."""
    expected_sha256: str
    weights_sha256: str
    changed: list[str]
    """What differs in code version and environment, as `name: then → now`."""
    seconds: float
    folder: str | None = None
    """The repeated run, relative to the project; kept where it differs."""


def rerun(project: Project, request: RerunRequest, work: Work | None = None) -> Rerun:
    """Train again with the run's base, data-set version, recipe, seed and threads, in a folder of its own.

    An interrupted repetition continues where it was.

    Raises:
        ModelError: where the run or its base is gone or was changed.
        DataError: where its data-set version is gone.
        CancelledError: on request, with a checkpoint.
    """
    import torch

    from narrowcast.models.loading import read_run_manifest
    from narrowcast.stages.train.contract import read_inputs
    from narrowcast.stages.train.run import train
    from narrowcast.training.options import Options

    run_id, work = request.run, work or Work()
    manifest = read_run_manifest(project.paths, run_id)
    options = Options.model_validate(
        {
            **{name: value for name, value in manifest.recipe.items() if name in Options.model_fields},
            "recipe": "",  # filled in already
            "time_limit_minutes": None,
            "preflight": "off",
            "forgetting_check": False,
            "track": [],
        }
    )
    scratch = ProjectPaths(project.paths.root / "training" / "reruns" / run_id)
    _take_rows(project.paths, scratch, manifest)
    context = StageContext(
        scratch,
        project.settings,
        run_id=run_id,
        progress=work.progress,
        cancel=work.cancel,
        resume=True,
        force=True,  # the baseline was asked for the first time
    )
    before = torch.get_num_threads()
    with project.lock("rerun"):
        try:
            torch.set_num_threads(int(manifest.environment.get("threads", before)))
            inputs = read_inputs(options, context)
            if inputs.base_fingerprint != manifest.base.fingerprint:
                raise ModelError(
                    "the base is not the one this run was trained on",
                    where=manifest.base.name,
                    next_command="narrowcast models list",
                    reason_code="model_base_changed",
                )
            result = train(inputs, options, context)
        finally:
            context.progress.finish()
            torch.set_num_threads(before)
    again = read_run_manifest(scratch, run_id)
    return _compared(project, manifest, again, scratch, result.seconds)


def _compared(
    project: Project, manifest: RunManifest, again: RunManifest, scratch: ProjectPaths, seconds: float
) -> Rerun:
    identical = again.weights_sha256 == manifest.weights_sha256
    found = Rerun(
        run_id=manifest.run_id,
        identical=identical,
        expected_sha256=manifest.weights_sha256,
        weights_sha256=again.weights_sha256,
        changed=_changed(manifest, again),
        seconds=seconds,
        folder=None if identical else project.paths.relative(scratch.adapters / manifest.run_id),
    )
    if identical:
        shutil.rmtree(scratch.root)
        message = f"{manifest.run_id} was repeated to the same weights"
        project.trail.emit(
            StageName.TRAINING, "training_rerun", message, payload=found.model_dump(), run=manifest.run_id
        )
    else:
        message = f"{manifest.run_id} was repeated to other weights"
        project.trail.emit(
            StageName.TRAINING,
            "training_rerun_differs",
            message,
            payload=found.model_dump(),
            run=manifest.run_id,
        )
    return found


def _take_rows(project: ProjectPaths, scratch: ProjectPaths, manifest: RunManifest) -> None:
    """Copy the version's train and dev rows; held-out rows stay where they are."""
    source = _version_folder(project, manifest.dataset_version)
    target = scratch.prepared / source.name
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "manifest.json", target / "manifest.json")
    splits = read_json(source / "manifest.json")["splits"]
    for split in (Split.TRAIN, Split.DEV):
        stored = splits.get(split)
        if stored and (project.root / stored["path"]).exists():
            shutil.copyfile(project.root / stored["path"], scratch.root / stored["path"])
    write_text(scratch.prepared / "current", source.name)


def _version_folder(project: ProjectPaths, version: str) -> Path:
    for path in sorted(project.prepared.glob("*/manifest.json")):
        if read_json(path).get("version") == version:
            return path.parent
    raise DataError(
        "the data-set version of this run is gone",
        where=short(version),
        next_command="narrowcast data versions",
        reason_code="dataset_version_unknown",
    )


def _changed(then: RunManifest, now: RunManifest) -> list[str]:
    pairs = {name: (value, now.environment.get(name, "absent")) for name, value in then.environment.items()}
    pairs["narrowcast"] = (then.code_version, now.code_version)
    return [f"{name}: {old} → {new}" for name, (old, new) in pairs.items() if old != new]
