"""Models in the workspace (`models/` below `NARROWCAST_HOME`): where they came from, under which licence.

Models of the Hub lie in its own cache; here are those from packages of the package index, and imported GGUF
files.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from narrowcast.core.settings import Settings
from narrowcast.store.files import read_json_as, write_json

_FILE = "source.json"
READER = 2


class ModelSource(BaseModel):
    """`source.json` beside a model's files.

    Attributes:
        name: in the catalogue, or as it was imported.
        origin: package and version, or the name of the file.
        sha256: of that package or file.
        licence: of the model; empty where nobody says.
        note: what differs from the original.
        fingerprint: of the files as they were written; empty where an older version wrote them.
        pulled: it is a model of the catalogue, not an import.
        reader: of GGUF files, the version that wrote the folder; before 2 special tokens had wrong numbers.
    """

    name: str
    origin: str
    sha256: str
    licence: str = ""
    note: str = ""
    reader: int = 1
    fingerprint: str = ""
    pulled: bool = False


def models_folder(settings: Settings) -> Path:
    """The folder of all of them."""
    return settings.home / "models"


def installed(name: str, settings: Settings) -> Path | None:
    """The folder of a model that was imported under this name, or None."""
    if not name or Path(name).name != name or name.startswith("."):
        return None
    folder = models_folder(settings) / name
    return folder if source_of(folder) is not None else None


def all_installed(settings: Settings) -> list[tuple[Path, ModelSource]]:
    """Every model of the workspace with its folder, by name.

    Raises:
        DataError: if the record of one is damaged.
    """
    folders = sorted(models_folder(settings).glob("*/"))
    models = [(folder, source) for folder in folders if (source := source_of(folder)) is not None]
    return sorted(models, key=lambda each: each[1].name)


def source_of(folder: Path) -> ModelSource | None:
    """Where the files of a folder came from; None for a folder that was not made here.

    Raises:
        DataError: if the record is damaged.
    """
    path = folder / _FILE
    return read_json_as(path, ModelSource) if path.is_file() else None


def write_source(folder: Path, source: ModelSource) -> None:
    """Record where a folder's files came from; the last thing written into it."""
    write_json(folder / _FILE, source.model_dump(mode="json"))
