"""Back a project up into one archive, and restore it from there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from pydantic import Field

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.errors import DataError, UsageError, WorkspaceError
from narrowcast.ops.requests import BackupRequest, RestoreRequest
from narrowcast.ops.whole_project import WholeProject, counted, require_free_name
from narrowcast.pipeline.changes import require_no_owner
from narrowcast.pipeline.project import Project, carry_out, slugify
from narrowcast.reasons import StageName
from narrowcast.store.archive import (
    BackupHead,
    files_to_keep,
    read_archive,
    read_head,
    require_free,
    write_archive,
)
from narrowcast.store.changes import Change, Note
from narrowcast.store.files import disk_errors
from narrowcast.store.folders import plain_path, require_room
from narrowcast.store.leftovers import hidden_beside
from narrowcast.store.project_format import CURRENT_FORMAT, read_format
from narrowcast.store.runs import finished_runs
from narrowcast.version import __version__

_PER_FILE = 2048  # bytes of headers in a tar file and of the list of hashes, at most for usual names


class Backup(WholeProject):
    """An archive, or what it would hold."""

    events: int
    """Of the trail."""
    sha256: str = ""
    """Of the archive; "" for a dry run."""
    left_out: list[str] = Field(default_factory=list)
    """Entries of the folder that are scratch or not the project's."""


class RestoredProject(WholeProject):
    """A project as it was backed up."""

    backup_created: str
    former_slug: str
    """Name of the project that was backed up."""
    events: int
    """Of the trail when it was backed up."""
    problems: list[str] = Field(default_factory=list)
    """What `narrowcast audit verify` says of the restored trail."""
    format_is_old: bool = False
    """It was written by an older version, so `narrowcast migrate` comes first."""


def backup(project: Project, request: BackupRequest, work: Work | None = None) -> Backup:
    """Write every file of the project into one archive, and read it again to compare the hashes.

    Left out are temporary files, locks, checkpoints of finished runs and hidden entries beside the project's
    own, such as `.git`. Nothing is added that is not in the folder: no setting, no key of the environment.

    Raises:
        UsageError: if the archive exists, or would lie within the project.
        WorkspaceError: if the disk is too small or refuses.
        DataError: for a link, or if the written archive does not read as it was meant.
        ProjectBusyError: if another process works on the project.
    """
    work, paths = work or Work(), project.paths
    target = request.file.expanduser().absolute()
    if target.resolve().is_relative_to(paths.root.resolve()):
        raise UsageError(
            "the archive would lie within the project",
            where=str(target),
            next_command="choose another folder",
        )
    with project.lock("project backup"), disk_errors(paths.root):
        files, left_out = files_to_keep(paths.root, _scratch_of(paths))
        head = _head(project, files, left_out)
        result = Backup(
            dry_run=request.dry_run,
            slug=project.slug,
            path=str(target),
            files=head.files,
            size_bytes=head.size_bytes,
            events=head.events,
            left_out=left_out,
        )
        require_free(target)
        require_room(target, head.size_bytes + _PER_FILE * (len(files) + 2), "the backup")
        if request.dry_run:
            return result
        with counted(work, "backing up", head.size_bytes) as done:
            result.sha256 = write_archive(target, paths.root, files, head, done)
        payload = {"file": target.name, "sha256": result.sha256, "files": len(files), "end": head.events}
        message = f"{len(files):,} files were written to {target}"
        project.trail.emit(StageName.SYSTEM, "project_backed_up", message, payload=payload)
    return result


def _head(project: Project, files: list[Path], left_out: list[str]) -> BackupHead:
    end = project.trail.end()
    return BackupHead(
        name=project.config.name,
        slug=project.slug,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        code_version=__version__,
        events=end[0],
        head=end[1],
        files=len(files),
        size_bytes=sum(each.stat().st_size for each in files),
        left_out=left_out,
    )


def restore(settings: Settings, request: RestoreRequest, work: Work | None = None) -> RestoredProject:
    """Check a backup and put it in place as a project of its own.

    Every path and every hash is checked before anything appears under its name. Where this workspace
    remembers a later event of a project in the same folder, the event of the restoration says so, and so does
    every later `narrowcast audit verify`.

    Raises:
        UsageError: if the name is taken, or the folder is not free or belongs to another project.
        DataError: `backup_damaged`.
        WorkspaceError: if the disk is too small or refuses.
    """
    work = work or Work()
    archive = _archive(request.file)
    head = read_head(archive)
    slug = slugify(request.name or head.slug)
    require_free_name(settings, slug, next_command="add --name NAME")
    target = plain_path(request.path or settings.home / "projects" / slug)
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise UsageError("the folder is not empty", where=str(target), next_command="add --path FOLDER")
    require_no_owner(target)
    require_room(target, head.size_bytes, "the restored project")
    result = RestoredProject(
        dry_run=request.dry_run,
        slug=slug,
        path=str(target),
        files=head.files,
        size_bytes=head.size_bytes,
        backup_created=head.created,
        former_slug=head.slug,
        events=head.events,
    )
    if request.dry_run:
        _read(archive, None, head, work)
        return result
    payload: dict[str, object] = {
        "file": archive.name,
        "backup_of": head.slug,
        "backup_created": head.created,
        "events": head.events,
        "head": head.head,
        "slug": slug,
        "path": str(target),
    }
    change = Change(
        kind="restore",
        slug=slug,
        name=request.name or "",
        target=str(target),
        aside=str(hidden_beside(target)),
        payload=payload,
    )
    carry_out(settings, change, lambda note: _put_in_place(note, archive, head, work))
    return _looked_at(settings, result)


def _archive(file: Path) -> Path:
    path = file.expanduser().absolute()
    if not path.is_file():
        raise WorkspaceError(
            "there is no such file",
            where=str(path),
            next_command="check the path; it is relative to the current folder",
            reason_code="system_path_invalid",
        )
    return path


def _put_in_place(note: Note, archive: Path, head: BackupHead, work: Work) -> None:
    aside, target = Path(note.change.aside), Path(note.change.target)
    with disk_errors(aside):
        aside.mkdir(parents=True)
        _read(archive, aside, head, work)
        note.update(checked=True)
        if target.exists():
            target.rmdir()
        aside.rename(target)


def _read(archive: Path, into: Path | None, head: BackupHead, work: Work) -> None:
    """Go through the whole archive; without `into` it is only checked."""
    with counted(work, "checking" if into is None else "restoring", head.size_bytes) as done:
        paths = list(read_archive(archive, into, done))
    if "narrowcast.yaml" not in paths:
        raise DataError("the backup holds no project", where=str(archive), reason_code="backup_damaged")


def _looked_at(settings: Settings, result: RestoredProject) -> RestoredProject:
    """The result with what is to be known before the project is used."""
    with Project.open(settings, result.path, any_format=True) as project:
        report = project.trail.verify()
        old = read_format(project.paths) != CURRENT_FORMAT
    return result.model_copy(update={"problems": report.problems, "format_is_old": old})


def _scratch_of(paths: ProjectPaths) -> Callable[[PurePosixPath], bool]:
    """Checkpoints of finished runs, which `narrowcast gc` removes as well."""
    finished = {each.run_id for each in finished_runs(paths)}
    folder = PurePosixPath(paths.relative(paths.runs))

    def scratch(path: PurePosixPath) -> bool:
        return path.name == "checkpoints" and path.parent.parent == folder and path.parent.name in finished

    return scratch
