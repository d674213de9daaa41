"""Whether a model of the workspace is still the one that was pulled or imported.

Its fingerprint is noted in `source.json` when the files are written, and compared whenever the model is
resolved. A folder that the user names by its path is the user's own, and so is the Hub's cache.
"""

from __future__ import annotations

from pathlib import Path

from narrowcast.errors import ModelError
from narrowcast.models.installed import source_of


def fingerprint_of(folder: Path) -> str:
    """The fingerprint of a base model or a sentence encoder.

    Raises:
        ModelError: if the folder cannot be used.
    """
    from narrowcast.models.encoders.folder import is_encoder, read_encoder_folder
    from narrowcast.models.folder import read_model_folder

    return (read_encoder_folder(folder) if is_encoder(folder) else read_model_folder(folder)).fingerprint()


def require_noted(folder: Path, fingerprint: str) -> None:
    """Refuse files that are not those that were pulled or imported; of an older version nothing was noted.

    Args:
        folder: of the model.
        fingerprint: that it has now.

    Raises:
        ModelError: `model_damaged`; it names the command that writes the files again.
    """
    source = source_of(folder)
    if source is None or source.fingerprint in ("", fingerprint):
        return
    again = (
        f"narrowcast models pull {source.name} --force"
        if source.pulled
        else f"narrowcast models import FILE --name {source.name} --force, with {source.origin}"
    )
    raise ModelError(
        f"the files of {source.name} were damaged or replaced since they were written",
        where=str(folder),
        next_command=again,
        reason_code="model_damaged",
    )
