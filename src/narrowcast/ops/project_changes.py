"""Rename, move and delete a project."""

from __future__ import annotations

import errno
import os
import shlex
from pathlib import Path

from pydantic import BaseModel, Field

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.errors import ProjectBusyError, UsageError, WorkspaceError
from narrowcast.ops.requests import DeleteRequest, MoveRequest, RenameRequest
from narrowcast.ops.whole_project import WholeProject, counted, require_free_name
from narrowcast.pipeline.changes import OWN, identity_of, require_no_owner
from narrowcast.pipeline.project import Project, carry_out, entry_called, projects, slugify
from narrowcast.store.changes import Change, Note
from narrowcast.store.files import disk_errors
from narrowcast.store.folders import copy_checked, files_below, plain_path, require_room
from narrowcast.store.leftovers import hidden_beside

_WORKING = ("queued", "running", "stopping", "interrupted", "paused")


class RenamedProject(BaseModel):
    """A project with its new name."""

    dry_run: bool = False
    id: int
    former: str
    slug: str
    name: str


class MovedProject(WholeProject):
    """A project in its new folder."""

    former: str
    copied: bool
    """The folders are on two file systems, so every file was copied and compared."""
    sources_inside: list[str] = Field(default_factory=list)
    """Sources in `narrowcast.yaml` that name the former folder; they have to be corrected."""


class DeletedProject(WholeProject):
    """What was freed, or would be."""

    kept: list[str] = Field(default_factory=list)
    """Entries of the folder that narrowcast did not make, and did not remove."""


def rename(project: Project, request: RenameRequest, work: Work | None = None) -> RenamedProject:  # noqa: ARG001
    """Change the name in `narrowcast.yaml`, in the index and in the headings of its pages; the folder stays.

    Raises:
        UsageError: if the name is empty or taken.
        ProjectBusyError: if another process works on the project.
    """
    slug = slugify(request.name)
    with project.lock("project rename"):
        before = project.config.name
        require_free_name(project.settings, slug, next_command="choose another name", own=project.id)
        change = Change(
            kind="rename",
            project=project.id,
            slug=slug,
            name=request.name,
            source=str(project.paths.root),
            payload={
                "from_slug": project.slug,
                "from_name": before,
                "to_name": request.name,
            },
        )
        if not request.dry_run and (slug, request.name) != (project.slug, before):
            project.carry_out(change)
    return RenamedProject(
        dry_run=request.dry_run, id=project.id, former=project.slug, slug=slug, name=request.name
    )


def move(project: Project, request: MoveRequest, work: Work | None = None) -> MovedProject:
    """Move the folder; to another file system by a copy that is compared with the original before that goes.

    Raises:
        UsageError: if the new folder exists, or lies within the old one or another project's files.
        WorkspaceError: if the disk is too small, or refuses.
        ProjectBusyError: if another process works on the project.
    """
    work = work or Work()
    root, target = project.paths.root, plain_path(request.folder)
    with project.lock("project move"):
        _require_plain(root)
        _require_free(target, root)
        require_no_owner(target)
        sizes = [size for _, size in files_below(root)]
        copied = _other_file_system(root, target)
        if copied:
            require_room(target, sum(sizes), "the copy")
        result = MovedProject(
            dry_run=request.dry_run,
            slug=project.slug,
            former=str(root),
            path=str(target),
            files=len(sizes),
            size_bytes=sum(sizes),
            copied=copied,
            sources_inside=[each.locator for each in project.config.sources if str(root) in each.locator],
        )
        if request.dry_run:
            return result
        change = Change(
            kind="move",
            project=project.id,
            slug=project.slug,
            source=str(root),
            target=str(target),
            aside=str(hidden_beside(target)) if copied else "",
            identity=identity_of(root),
            payload={"from": str(root), "to": str(target), "copied": copied},
        )
        project.carry_out(change, lambda note: _move_folder(note, sum(sizes), work))
    return result


def _move_folder(note: Note, size: int, work: Work) -> None:
    source, target = Path(note.change.source), Path(note.change.target)
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if not note.change.aside:
            try:
                source.rename(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
            else:
                return
            require_room(target, size, "the copy")  # two mounts of one file system
            note.update(aside=str(hidden_beside(target)))
        aside = Path(note.change.aside)
        _copy(source, aside, size, work)
        note.update(checked=True)
        aside.rename(target)


def _copy(source: Path, aside: Path, size: int, work: Work) -> None:
    with counted(work, "copying", size) as done:
        copy_checked(source, aside, done)


def delete(project: Project, request: DeleteRequest, work: Work | None = None) -> DeletedProject:  # noqa: ARG001
    """Remove what narrowcast put into the folder, and the project from the index.

    The workspace keeps the event, and what it remembers of the trail.

    Raises:
        ProjectBusyError: if another process works on the project, or a job or a schedule belongs to it.
        UsageError: if the folder is a link, or another project lies among the project's own files.
    """
    root = project.paths.root
    with project.lock("project delete"):
        _require_plain(root)
        _require_no_jobs(project)
        _require_nothing_inside(root)
        files = [(path, size) for path, size in files_below(root) if path.relative_to(root).parts[0] in OWN]
        kept = sorted(each.name for each in root.iterdir() if each.name not in OWN)
        end = project.trail.end()
        result = DeletedProject(
            dry_run=request.dry_run,
            slug=project.slug,
            path=str(root),
            files=len(files),
            size_bytes=sum(size for _, size in files),
            kept=kept,
        )
        if not request.dry_run:
            payload = {"slug": project.slug, "path": str(root), "events": end[0], "head": end[1]}
            payload |= {"files": result.files, "bytes": result.size_bytes, "kept": kept}
            change = _deletion(project.id, project.slug, root, payload)
            project.carry_out(change, lambda _: project.paths.config.unlink())
    return result


def forget_missing(settings: Settings, ref: str, request: DeleteRequest) -> DeletedProject | None:
    """Take a project out of the index whose folder is gone; None if there is no such project.

    Raises:
        UsageError: if the folder is there.
    """
    entry = entry_called(projects(settings), ref)
    if entry is None or (entry.path / "narrowcast.yaml").exists():
        return None
    if not request.dry_run:
        payload = {"slug": entry.slug, "path": str(entry.path), "folder_was_gone": True}
        carry_out(settings, _deletion(entry.id, entry.slug, entry.path, payload))
    return DeletedProject(dry_run=request.dry_run, slug=entry.slug, path=str(entry.path))


def _deletion(number: int, slug: str, root: Path, payload: dict[str, object]) -> Change:
    there = root.is_dir() and "folder_was_gone" not in payload
    return Change(
        kind="delete",
        project=number,
        slug=slug,
        source=str(root),
        identity=identity_of(root) if there else None,
        payload=payload,
    )


def _require_no_jobs(project: Project) -> None:
    """Without the queue's database there are no jobs, and nothing of it is loaded."""
    from narrowcast.jobs.database import queue_exists

    if not queue_exists(project.settings):
        return
    from narrowcast.jobs.control import jobs
    from narrowcast.jobs.requests import JobsRequest
    from narrowcast.jobs.schedule import schedules

    held = [each.id for each in jobs(project, JobsRequest(limit=None)) if each.status in _WORKING]
    due = [each.name for each in schedules(project.settings) if each.request.project == project.id]
    if held or due:
        cancel = f"narrowcast jobs cancel {held[0]}" if held else f"narrowcast jobs unschedule {due[0]}"
        raise ProjectBusyError(
            "jobs or schedules belong to this project",
            where=", ".join([*held, *due]),
            next_command=cancel,
        )


def _require_plain(root: Path) -> None:
    if root.is_symlink():
        raise UsageError(
            "the project's folder is a link",
            where=str(root),
            next_command=f"the same command with --project {shlex.quote(str(root.resolve()))}",
        )


def _require_nothing_inside(root: Path) -> None:
    """Earlier versions let a project be put there."""
    below = (Path(place) for name in OWN for place, _, _ in os.walk(root / name))
    other = next((each for each in below if ProjectPaths(each).config.is_file()), None)
    if other is not None:
        raise UsageError(
            "another project lies among the files of this one",
            where=str(other),
            next_command=f"narrowcast project move FOLDER --project {other}",
        )


def _require_free(target: Path, root: Path) -> None:
    if target.exists() or target.is_symlink():
        raise UsageError("the folder exists", where=str(target), next_command="choose another folder")
    if target.resolve().is_relative_to(root.resolve()):
        raise UsageError(
            "the folder lies within the project", where=str(target), next_command="choose another folder"
        )


def _other_file_system(root: Path, target: Path) -> bool:
    """Whether a rename cannot do it, as far as the devices tell."""
    place = next(each for each in target.parents if each.exists())
    if not place.is_dir():
        raise WorkspaceError("this is not a folder", where=str(place), reason_code="system_path_invalid")
    return root.stat().st_dev != place.stat().st_dev
