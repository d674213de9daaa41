"""The global options of this process, set once by the root command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narrowcast.core.settings import Settings
    from narrowcast.pipeline.project import Project


@dataclass(slots=True)
class _Globals:
    home: Path | None = None
    debug: bool = False


_globals = _Globals()


def configure(*, home: Path | None, debug: bool) -> None:
    """Remember the global options."""
    _globals.home = home
    _globals.debug = debug


def debug() -> bool:
    """Whether tracebacks were asked for."""
    return _globals.debug


def settings() -> Settings:
    """The environment with `--home` applied."""
    from narrowcast.core.settings import Settings

    return Settings.from_environment(home=_globals.home)


def open_project(ref: str | None) -> Project:
    """The project a command works on."""
    from narrowcast.pipeline.project import Project

    return Project.open(settings(), ref)
