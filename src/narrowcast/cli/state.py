"""The global options of this process, set once by the root command, and the project it works on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narrowcast.core.settings import Settings
    from narrowcast.pipeline.project import Project


@dataclass(slots=True)
class _Globals:
    home: Path | None = None
    debug: bool = False
    arguments: list[str] = field(default_factory=list)
    project: str | None = None


_globals = _Globals()


def begin(arguments: Sequence[str]) -> None:
    """Forget an earlier command of this process, and remember the command line of this one."""
    _globals.home, _globals.debug, _globals.project = None, False, None
    _globals.arguments = list(arguments)


def configure(*, home: Path | None, debug: bool) -> None:
    """Remember the global options."""
    _globals.home = home
    _globals.debug = debug


def debug() -> bool:
    """Whether tracebacks were asked for."""
    return _globals.debug


def arguments() -> list[str]:
    """The command line, without the name of the program."""
    return _globals.arguments


def settings() -> Settings:
    """The environment with `--home` applied."""
    from narrowcast.core.settings import Settings

    return Settings.from_environment(home=_globals.home)


def open_project(ref: str | None, *, any_format: bool = False) -> Project:
    """The project a command works on; standard error names it, before anything else is printed."""
    from narrowcast.pipeline.project import Project

    opened = Project.open(settings(), ref, any_format=any_format)
    if ref is not None:
        work_on(opened.slug)
    if os.environ.get("RANK", "0") == "0":
        from narrowcast.cli.output import stderr

        stderr.print(f"project {opened.slug}", markup=False, style="dim")
    return opened


def work_on(slug: str) -> None:
    """Next commands concern this project; those that would take another one without `--project` name it."""
    from narrowcast.pipeline.project import default_project

    taken = default_project(settings())
    _globals.project = slug if taken is None or taken.slug != slug else None


def project_in_use() -> str | None:
    """The project that next commands have to name; None where they find it by themselves."""
    return _globals.project


def home_in_use() -> str | None:
    """The workspace that next commands have to name; None where they find it by themselves."""
    if _globals.home is None:
        return None
    from narrowcast.core.settings import Settings

    home = settings().home
    return None if home == Settings.from_environment().home else str(home)
