"""How a stage notes what it writes, so that an edit is noticed later."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Seal(Protocol):
    """Takes the SHA-256 of files that are about to get their names; the event of the stage carries them."""

    def __call__(self, files: Mapping[Path, str]) -> None:
        """Args: files: absolute paths below the project, with hexadecimal digits."""


def seal_nothing(files: Mapping[Path, str]) -> None:
    """For what is written outside a project, and for stages run by hand."""
