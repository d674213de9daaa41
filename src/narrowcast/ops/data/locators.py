"""Where a relative path in a locator starts: the current folder for a command, the project for its file."""

from __future__ import annotations

from pathlib import Path

from narrowcast.connectors import FILE_SCHEMES
from narrowcast.connectors.join import split_join
from narrowcast.core.locator import Locator
from narrowcast.ops.project import Project


def settle_locator(project: Project, text: str) -> tuple[str, Locator]:
    """The locator as it is recorded, and the one to open.

    A locator that stands in `narrowcast.yaml` is recorded as it stands there and read from the project's
    folder, or from the current one where the file is not below the project. Any other is made absolute, so
    that the record means the same file from everywhere.

    Raises:
        UsageError: where it is no locator.
    """
    locator = Locator.parse(text)
    if locator.scheme == "join":
        return _settle_join(project, locator.rest)
    if locator.scheme not in FILE_SCHEMES:
        return text, locator
    name, mark, options = _parts(locator.rest, project.paths.root)
    path = Path(name).expanduser()
    if any(source.locator == text for source in project.config.sources):
        inside = project.paths.root / path
        return text, Locator(locator.scheme, f"{inside if inside.exists() else path}{mark}{options}")
    settled = Locator(locator.scheme, f"{path.absolute()}{mark}{options}")
    return str(settled), settled


def _settle_join(project: Project, rest: str) -> tuple[str, Locator]:
    """Each side on its own, so that the record of a join means the same two files from everywhere."""
    left, right, column = split_join(rest)
    recorded, opened = zip(*(settle_locator(project, str(side)) for side in (left, right)), strict=True)
    options = f"?on={column}"
    return f"join:{'+'.join(recorded)}{options}", Locator("join", "+".join(map(str, opened)) + options)


def _parts(rest: str, root: Path) -> tuple[str, str, str]:
    """Path, question mark and options; a file whose name holds a question mark has no options."""
    name, mark, options = rest.rpartition("?")
    if not mark or Path(rest).exists() or (root / rest).exists():
        return rest, "", ""
    return name, mark, options
