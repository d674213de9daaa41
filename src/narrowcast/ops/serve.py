"""What is to be served: a file, the task it was measured on, and how it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from narrowcast.core.bundle import BundleManifest
from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.core.verdict import RunVerdict
from narrowcast.errors import ModelError, UsageError
from narrowcast.models.predictors.exported import exported_path
from narrowcast.ops.requests import ServeRequest
from narrowcast.pipeline.project import Project
from narrowcast.store.bundles import current_bundle, proven_file, read_bundle
from narrowcast.store.verdicts import read_verdict


@dataclass(frozen=True, slots=True)
class Served:
    """One model as the server offers it.

    Attributes:
        path: the exported file.
        model_id: its name in requests.
        task: of its bundle; None for a file without one, which then is an ordinary chat model or classifier.
        run_id: the training run, where a bundle says so.
        verdict: what the last evaluation said of the run; None where there was none.
        inputs: of the rows that were measured, and whether every row has them; empty where not known.
    """

    path: Path
    model_id: str
    task: TaskSpec | None = None
    run_id: str | None = None
    verdict: RunVerdict | None = None
    inputs: Mapping[str, bool] = field(default_factory=dict)


def find_served(place: Project | Settings, request: ServeRequest) -> Served:
    """Resolve what `narrowcast serve` was asked for.

    Args:
        place: the project whose bundles are looked for; settings alone where a file is named by its path.
        request: names a format of the current bundle, a path, or nothing for the bundle's default file.

    Raises:
        UsageError: if a project is needed and none was named.
        ModelError: no such file, or one that is not the file its bundle was proven with; the model failed a
            gate or lost to a baseline, and serving it was not forced.
    """
    model = request.model
    if model and request.names_file:
        path = Path(model).expanduser().absolute()
        if not path.is_file():
            raise ModelError("there is no such file", where=str(path), next_command="narrowcast export")
        if not (path.parent / "bundle.json").exists():
            return Served(path, path.stem)
    elif isinstance(place, Project):
        path = exported_path(place.paths, model or _default_format(place))
    else:
        raise UsageError(
            "the bundle of a project is served, and no project was named",
            where=model or "the current bundle",
            next_command="narrowcast serve --project NAME, or --model PATH",
        )
    manifest, entry = proven_file(path)
    verdict = _verdict(place, manifest)
    if verdict is not None and verdict.blocks and not request.force:
        raise ModelError(
            verdict.conclusion.sentence,
            where=verdict.report,
            next_command=f"{verdict.conclusion.next[0]}, or narrowcast serve --force",
            reason_code="deployment_model_rejected",
        )
    return Served(
        path,
        f"{manifest.project}-{entry.format}",
        manifest.task,
        manifest.run_id,
        verdict,
        manifest.inputs,
    )


def _verdict(place: Project | Settings, manifest: BundleManifest) -> RunVerdict | None:
    """The project's own, which may be newer, or that of the bundle."""
    known = read_verdict(place.paths, manifest.run_id) if isinstance(place, Project) else None
    return known or manifest.verdict


def _default_format(project: Project) -> str:
    from narrowcast.stages.export.smoke import default_format

    folder = current_bundle(project.paths)
    held = {each.format: each for each in read_bundle(folder).files if each.format}
    if not held:
        raise ModelError(
            "the bundle holds no file that answers",
            where=str(folder),
            next_command="narrowcast export",
        )
    return default_format(held)
