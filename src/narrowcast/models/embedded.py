"""The base model that ships inside the package, so that the whole loop runs with no network."""

from __future__ import annotations

from pathlib import Path

from narrowcast.core.run import DEFAULT_BASE
from narrowcast.errors import ModelError

EMBEDDED_NAME = DEFAULT_BASE


def embedded_base() -> Path:
    """The folder of the embedded base.

    Raises:
        ModelError: if this installation was packed without it.
    """
    folder = Path(__file__).parent / "embedded" / "base"
    if not (folder / "config.json").exists():
        raise ModelError(
            "this installation holds no embedded base model",
            where=str(folder),
            next_command="name another base: narrowcast models list",
        )
    return folder
