"""From the name of an encoder to its folder on this machine; nothing is downloaded here."""

from __future__ import annotations

from pathlib import Path

from narrowcast.core.settings import Settings
from narrowcast.errors import ModelError
from narrowcast.models.catalogue import EncoderEntry, catalogue, find_encoder, near_names
from narrowcast.models.encoders.folder import EncoderFolder, is_encoder, read_encoder_folder
from narrowcast.models.noted import require_noted
from narrowcast.models.packages import unpacked


def resolve_encoder(name: str, settings: Settings) -> EncoderFolder:
    """Find and check an encoder.

    Args:
        name: an id of the catalogue, or a folder in the layout of sentence-transformers.
        settings: name the workspace.

    Raises:
        ModelError: unknown name, not downloaded, damaged, or a folder that cannot be used.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return read_encoder_folder(path.resolve())
    entry = find_encoder(name)
    if entry is None:
        near = [each for each in near_names(name) if find_encoder(each)]
        raise ModelError(
            f"no encoder is called {name!r}",
            where=f"near: {', '.join(near)}" if near else "",
            next_command=f"take {' or '.join(each.id for each in catalogue().encoders)}, or a folder",
        )
    folder = encoder_on_this_machine(entry, settings)
    if folder is None:
        raise ModelError(
            f"the encoder {entry.id} is not on this machine",
            where=entry.hub_id,
            next_command=f"narrowcast models pull {entry.id}",
            reason_code="model_not_downloaded",
        )
    encoder = read_encoder_folder(folder)
    require_noted(folder, encoder.fingerprint())
    return encoder


def names_encoder(name: str) -> bool:
    """Whether this is an encoder of the catalogue, or the folder of one, usable or not."""
    return find_encoder(name) is not None or is_encoder(Path(name).expanduser())


def encoder_on_this_machine(entry: EncoderEntry, settings: Settings) -> Path | None:
    """The folder of an earlier download, from the Hub or from the package index."""
    from narrowcast.models.hub import cached_snapshot

    return cached_snapshot(entry.hub_id) or unpacked(entry.id, entry.package, settings)
