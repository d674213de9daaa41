"""What is to be served: a file, the task it was measured on, and how it is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from narrowcast.core.bundle import BundleFile, BundleManifest
from narrowcast.core.task import TaskSpec
from narrowcast.errors import ModelError
from narrowcast.models.predictors.llama import gguf_path
from narrowcast.pipeline.project import Project
from narrowcast.store.bundles import current_bundle, read_bundle
from narrowcast.store.files import sha256_file


@dataclass(frozen=True, slots=True)
class Served:
    """One model as the server offers it.

    Attributes:
        path: the GGUF file.
        model_id: its name in requests.
        task: of its bundle; None for a file without one, which then is an ordinary chat model.
        run_id: the training run, where a bundle says so.
    """

    path: Path
    model_id: str
    task: TaskSpec | None = None
    run_id: str | None = None


def find_served(project: Project | None, model: str | None) -> Served:
    """Resolve what `narrowcast serve` was asked for.

    Args:
        project: where bundles are looked for; None for a file named by its path.
        model: a quantisation of the current bundle, a path, or None for the bundle's default file.

    Raises:
        ModelError: no such file, or one that is not the file its bundle was proven with.
    """
    if model and model.endswith(".gguf"):
        path = Path(model).expanduser().absolute()
        if not path.is_file():
            raise ModelError("there is no such GGUF file", where=str(path), next_command="narrowcast export")
        if not (path.parent / "bundle.json").exists():
            return Served(path, path.stem)
    else:
        assert project is not None
        path = gguf_path(project.paths, model or _default_format(project))
    manifest = read_bundle(path.parent)
    entry = _proven_entry(path, manifest)
    return Served(path, f"{manifest.project}-{entry.format}", manifest.task, manifest.run_id)


def _default_format(project: Project) -> str:
    from narrowcast.stages.export.smoke import default_format

    folder = current_bundle(project.paths)
    held = {each.format: each for each in read_bundle(folder).files if each.format}
    if not held:
        raise ModelError(
            "the bundle holds no GGUF file",
            where=str(folder),
            next_command="narrowcast export --formats q8_0",
        )
    return default_format(held)


def _proven_entry(path: Path, manifest: BundleManifest) -> BundleFile:
    entry = next((each for each in manifest.files if each.path == path.name and each.format), None)
    if entry is None or sha256_file(path) != entry.sha256:
        raise ModelError(
            "the file is not the one that its bundle was proven with",
            where=str(path),
            next_command="narrowcast export --force",
            reason_code="export_artifact_missing",
        )
    return entry
