"""Exported bundles, `outputs/gguf/<run>/`: which one is current, its manifest, its files."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from narrowcast.core.bundle import BundleFile, BundleManifest, manifest_sha256
from narrowcast.core.formats import ANSWERING, file_name
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError, ModelError
from narrowcast.store.files import read_json, sha256_file
from narrowcast.store.first_command import before_run
from narrowcast.store.runs import current_run
from narrowcast.store.seals import require_unedited


def current_bundle(project: ProjectPaths) -> Path:
    """The folder of the bundle of the current training run, whether it was exported or not.

    Raises:
        ModelError: if nothing was trained.
    """
    record = current_run(project)
    if record is None:
        raise ModelError(
            "no run has finished yet",
            where=str(project.root),
            next_command=before_run(project),
            reason_code="export_artifact_missing",
        )
    return project.gguf / record.run_id


def read_bundle(folder: Path) -> BundleManifest:
    """The manifest of a bundle, which must be the one that was written.

    Raises:
        ModelError: if there is none, it is damaged, or it was edited.
        WorkspaceError: `system_file_edited`, if the project around it wrote another one.
    """
    path = folder / "bundle.json"
    try:
        values = read_json(path)
        manifest = BundleManifest.model_validate(values)
    except (DataError, ValidationError) as error:
        raise ModelError(
            "there is no bundle of this run" if isinstance(error, DataError) else "the manifest is damaged",
            where=str(path),
            next_command="narrowcast export",
            reason_code="export_artifact_missing",
        ) from error
    if manifest.sha256 != manifest_sha256(values):
        raise _not_proven(
            "the manifest was edited after the export: its hash does not fit what it says"
            if manifest.sha256
            else "the manifest has no hash: an older version wrote it, or the hash was taken out",
            path,
        )
    project = _project_around(folder)
    if project is not None:
        require_unedited(project, path, owner=project.run_manifest(folder.name))
    return manifest


def _project_around(folder: Path) -> ProjectPaths | None:
    """The project that a bundle lies in; None for one that was copied out of it."""
    if len(folder.parents) < 3:
        return None
    project = ProjectPaths(folder.parents[2])
    return project if project.gguf == folder.parent and project.events.exists() else None


def proven_file(path: Path) -> tuple[BundleManifest, BundleFile]:
    """The manifest and the entry of a bundle's weights, which must be the file that was proven.

    Raises:
        ModelError: as `read_bundle`; or the manifest does not know the file, or knows another content.
    """
    manifest = read_bundle(path.parent)
    entry = next((each for each in manifest.files if each.path == path.name and each.format), None)
    if entry is None or sha256_file(path) != entry.sha256:
        raise _not_proven("the file is not the one that passed parity", path)
    return manifest, entry


def _not_proven(what: str, path: Path) -> ModelError:
    return ModelError(
        what,
        where=str(path),
        next_command="narrowcast export --force",
        reason_code="system_file_edited",
    )


def changed_files(folder: Path, manifest: BundleManifest) -> list[str]:
    """Files that are missing from a bundle, or are not the ones that were written, by path."""
    return [
        each.path
        for each in manifest.files
        if not (folder / each.path).is_file() or sha256_file(folder / each.path) != each.sha256
    ]


def bundle_file(folder: Path, name: str) -> Path:
    """Where a bundle keeps the weights of a format: `model-q8_0.gguf`, `model.onnx`."""
    return folder / file_name(name)


def bundled_formats(folder: Path) -> list[str]:
    """The formats whose files are in a bundle, by name."""
    return sorted(name for name in ANSWERING if bundle_file(folder, name).is_file())


def bundled_file(folder: Path, name: str) -> Path:
    """The file of a format.

    Raises:
        ModelError: if the bundle has none; it says which it has.
    """
    path = bundle_file(folder, name)
    if not path.is_file():
        raise ModelError(
            f"the bundle has no {name} file",
            where=f"{folder}; it has {', '.join(bundled_formats(folder)) or 'none'}",
            next_command=f"narrowcast export --formats {name}",
            reason_code="export_artifact_missing",
        )
    return path
