"""Where a relative path in a locator starts: the current folder for a command, the project for its file."""

from __future__ import annotations

from pathlib import Path

from narrowcast.connectors import FILE_SCHEMES
from narrowcast.connectors.base import SourceAccess
from narrowcast.connectors.join import split_join
from narrowcast.core.locator import Locator
from narrowcast.pipeline.project import Project


def settle_locator(project: Project, text: str) -> tuple[str, Locator]:
    """The locator as it is recorded, and the one to open.

    A locator that stands in `narrowcast.yaml` is recorded as it stands there and read from the project's
    folder, or from the current one where the file is not below the project. Any other is made absolute, so
    that the record means the same file from everywhere.

    Raises:
        UsageError: where it is no locator.
    """
    return _settle(project, text, any(source.locator == text for source in project.config.sources))


def _settle(project: Project, text: str, listed: bool) -> tuple[str, Locator]:
    locator = Locator.parse(text)
    if locator.scheme == "join":
        return _settle_join(project, locator.rest, listed)
    if locator.scheme == "sql" and locator.rest.startswith(_SQLITE):
        return _settle_sqlite(project, locator, listed)
    if locator.scheme not in FILE_SCHEMES:
        return locator.public, locator
    name, mark, options = _parts(locator.rest, project.paths.root)
    path = Path(name).expanduser()
    if listed:
        inside = project.paths.root / path
        return text, Locator(locator.scheme, f"{inside if inside.exists() else path}{mark}{options}")
    settled = Locator(locator.scheme, f"{path.absolute()}{mark}{options}")
    return str(settled), settled


def _settle_join(project: Project, rest: str, listed: bool) -> tuple[str, Locator]:
    """Each side as a source of its own would be."""
    left, right, column = split_join(rest)
    recorded, opened = zip(*(_settle(project, str(side), listed) for side in (left, right)), strict=True)
    options = f"?on={column}"
    written = f"join:{rest}" if listed else f"join:{'+'.join(recorded)}{options}"
    return written, Locator("join", "+".join(map(str, opened)) + options)


def access_for(project: Project) -> SourceAccess:
    """What sources of this project may do; what they fetch is kept beside its raw rows."""
    return SourceAccess.of(project.settings, project.paths.raw / "downloads")


_SQLITE = "sqlite:///"


def _settle_sqlite(project: Project, locator: Locator, listed: bool) -> tuple[str, Locator]:
    """As with other files; the statement behind the path is kept to the letter."""
    name, mark, asked = locator.rest.removeprefix(_SQLITE).partition("?")
    inside = project.paths.root / name
    path = inside if listed and inside.exists() else Path(name).expanduser().absolute()
    settled = Locator("sql", f"{_SQLITE}{path}{mark}{asked}")
    return (str(locator) if listed else settled.public), settled


def _parts(rest: str, root: Path) -> tuple[str, str, str]:
    """Path, question mark and options; a file whose name holds a question mark has no options."""
    name, mark, options = rest.rpartition("?")
    if not mark or Path(rest).exists() or (root / rest).exists():
        return rest, "", ""
    return name, mark, options
