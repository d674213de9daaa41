"""Exported bundles, `outputs/gguf/<run>/`: which one is current, its manifest, its files."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from narrowcast.core.bundle import BundleManifest
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError, ModelError
from narrowcast.store.files import read_json
from narrowcast.store.runs import current_run


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
            next_command="narrowcast train",
            reason_code="export_artifact_missing",
        )
    return project.gguf / record.run_id


def read_bundle(folder: Path) -> BundleManifest:
    """The manifest of a bundle.

    Raises:
        ModelError: if there is none, or it is damaged.
    """
    try:
        return BundleManifest.model_validate(read_json(folder / "bundle.json"))
    except (DataError, ValidationError) as error:
        raise ModelError(
            "there is no bundle of this run" if isinstance(error, DataError) else "the manifest is damaged",
            where=str(folder / "bundle.json"),
            next_command="narrowcast export",
            reason_code="export_artifact_missing",
        ) from error


def bundle_file(folder: Path, name: str) -> Path:
    """Where a bundle keeps the weights of a format, such as `q8_0`."""
    return folder / f"model-{name}.gguf"


def bundled_formats(folder: Path) -> list[str]:
    """The formats whose files are in a bundle, by name."""
    return sorted(file.stem.removeprefix("model-") for file in folder.glob("model-*.gguf"))


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
