"""What moving, deleting, backing up and restoring share: their result, a free name, counted bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict

from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.errors import UsageError
from narrowcast.pipeline.project import projects


class WholeProject(BaseModel):
    """What was done to a project as a whole, or would be."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    dry_run: bool = False
    slug: str
    path: str
    """Where its files are now; of a backup, the archive."""
    files: int = 0
    size_bytes: int = 0
    """Of the files."""


def require_free_name(settings: Settings, slug: str, next_command: str, own: int | None = None) -> None:
    """Refuse the name of another project than the one whose number is `own`.

    Raises:
        UsageError: it is taken.
    """
    if any(each.slug == slug and each.id != own for each in projects(settings)):
        raise UsageError(f"a project called {slug!r} exists already", where=slug, next_command=next_command)


@contextmanager
def counted(work: Work, description: str, size: int) -> Iterator[Callable[[int], None]]:
    """A phase of `size` bytes: the block calls what it gets with each number of bytes that is done.

    Raises:
        CancelledError: on request.
    """

    def done(count: int) -> None:
        work.progress.advance(count)
        work.cancel.check()

    work.progress.start(description, size)
    try:
        yield done
    finally:
        work.progress.finish()
