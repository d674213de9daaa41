"""Backups: a project as one tar file, in which a last member holds the SHA-256 of every other.

    narrowcast-backup.json     what the backup is of, in front
    project/...                the files
    narrowcast-hashes.json     path, size and SHA-256 of each file

Hashes inside a file show damage, not a deliberate change: whoever changes a row can change its hash as well.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pydantic import BaseModel, Field, ValidationError

from narrowcast.errors import DataError, UsageError
from narrowcast.faults import first_line
from narrowcast.store.files import disk_errors
from narrowcast.store.leftovers import is_leftover

HEAD, HASHES, PREFIX = "narrowcast-backup.json", "narrowcast-hashes.json", "project/"
_MOST_JSON = 256 << 20  # bytes; a list of two million files
_BLOCK = 1 << 20
_LOCKS = ("registry/lock", "registry/locks")

Done = Callable[[int], None]
"""Called with the bytes of each file that is done."""


class BackupHead(BaseModel):
    """What a backup is of.

    Attributes:
        events: of the trail when the backup was made; `head` is the hash of the newest.
        files: how many; `size_bytes` all together.
        left_out: entries of the project's folder that are not in the backup.
    """

    format: int = 1
    name: str
    slug: str
    created: str
    code_version: str
    events: int
    head: str
    files: int
    size_bytes: int
    left_out: list[str] = Field(default_factory=list)


class _Entry(BaseModel):
    path: str
    size: int
    sha256: str


def files_to_keep(root: Path, scratch: Callable[[PurePosixPath], bool]) -> tuple[list[Path], list[str]]:
    """The files of a backup in order, and what is left out of it.

    Args:
        root: of the project.
        scratch: whether a folder, relative to the root, holds only what nothing needs.

    Raises:
        DataError: for a link, a socket or a device, which a backup cannot hold.
    """
    kept: list[Path] = []
    left: list[str] = []
    for folder, below, names in os.walk(root, onerror=_raise):
        here = PurePosixPath(Path(folder).relative_to(root).as_posix())
        for name in sorted(below):
            path = here / name
            if _is_foreign(path) or scratch(path) or is_leftover(name):
                below.remove(name)
                left += [f"{path}/"] if not is_leftover(name) and str(path) not in _LOCKS else []
        below.sort()
        for name in sorted([*names, *(each for each in below if Path(folder, each).is_symlink())]):
            path, file = here / name, Path(folder, name)
            if _is_foreign(path) or is_leftover(name):
                left += [str(path)] if not is_leftover(name) and str(path) not in _LOCKS else []
            elif not stat.S_ISREG(file.lstat().st_mode):
                raise DataError(
                    "a backup holds files only, and this is a link or a device",
                    where=str(file),
                    next_command="put the files themselves in its place, then run the same command again",
                    reason_code="system_path_invalid",
                )
            else:
                kept.append(file)
    return kept, left


def write_archive(path: Path, root: Path, files: list[Path], head: BackupHead, done: Done) -> str:
    """Write the backup, read it again and compare every hash; it appears under its name only then.

    Returns:
        The SHA-256 of the archive.

    Raises:
        UsageError: if the file exists.
        WorkspaceError: if it cannot be written.
        DataError: if what was written does not read as it was meant.
    """
    require_free(path)
    part = path.with_name(f".{path.name}.part")  # that of a killed process is written over
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as held:
            _hold(held, path)
            try:
                with part.open("wb") as file:
                    _write(file, root, files, head, done)
                    file.flush()
                    os.fsync(file.fileno())
                for _ in read_archive(part):
                    pass
                digest = _sha256(part)
                _put(part, path)
            finally:
                part.unlink(missing_ok=True)
    return digest


def require_free(path: Path) -> None:
    """Refuse the name of a file that exists.

    Raises:
        UsageError: it does.
    """
    if path.exists():
        raise _exists(path)


def read_head(path: Path) -> BackupHead:
    """What a backup is of, from its first member.

    Raises:
        DataError: if it is not a backup.
    """
    with _open(path) as archive:
        member = archive.next()
        if member is None or member.name != HEAD:
            raise _damaged("it does not begin as a backup does", path)
        return _head(archive, member, path)


def read_archive(path: Path, into: Path | None = None, done: Done | None = None) -> Iterator[str]:
    """Check a whole backup; with `into`, write its files below that folder, which is to be hidden until then.

    Nothing is written outside `into`, and only plain files are. Yields each path when its file is done; only
    the end of the iteration says that all hashes agree.

    Raises:
        DataError: for a backup that is damaged, incomplete, or holds a link or a path that leads elsewhere.
        WorkspaceError: if a file cannot be written.
    """
    found: dict[str, _Entry] = {}
    listed: list[_Entry] | None = None
    head: BackupHead | None = None
    with _open(path) as archive:
        while (member := _next(archive, path)) is not None:
            if listed is not None:
                raise _damaged("something follows its hashes", path)
            if head is None:
                if member.name != HEAD:
                    raise _damaged("it does not begin as a backup does", path)
                head = _head(archive, member, path)
            elif member.name == HASHES:
                listed = _hashes(archive, member, path)
            else:
                entry = _one(archive, member, path, into, found)
                if done is not None:
                    done(entry.size)
                yield entry.path
    if listed is None or head is None:
        raise _damaged("its end is missing", path)
    if [each.path for each in listed] != list(found):
        raise _damaged("its list of files names others than it holds", path)
    wrong = next((each.path for each in listed if found[each.path] != each), None)
    if wrong is not None:
        raise _damaged(f"{wrong} is not the file that was backed up", path)


def _write(file: IO[bytes], root: Path, files: list[Path], head: BackupHead, done: Done) -> None:
    entries = []
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        _add_text(archive, HEAD, head.model_dump_json(indent=2))
        for each in files:
            name = each.relative_to(root).as_posix()
            with each.open("rb") as source:
                info = tarfile.TarInfo(PREFIX + name)
                status = os.fstat(source.fileno())
                info.size, info.mtime, info.mode = status.st_size, int(status.st_mtime), 0o644
                reader = _Hashing(source)
                archive.addfile(info, reader)
            entries.append(_Entry(path=name, size=info.size, sha256=reader.digest.hexdigest()))
            done(info.size)
        _add_text(archive, HASHES, json.dumps([each.model_dump() for each in entries], ensure_ascii=False))


def _hold(file: IO[bytes], path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError("another process writes this backup", where=str(path)) from error


def _put(part: Path, path: Path) -> None:
    """Give the file its name; unlike a rename, never in place of one that has come meanwhile."""
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:  # a file system without links
        if path.exists():
            raise _exists(path) from error
        part.rename(path)


class _Hashing:
    """A file that is hashed while it is read, so that the hash is that of the archived bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self.digest = hashlib.sha256()
        self._file = file

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self.digest.update(block)
        return block


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    archive.addfile(info, io.BytesIO(data))


def _open(path: Path) -> tarfile.TarFile:
    with disk_errors(path):
        path.open("rb").close()
    try:
        return tarfile.open(path, "r|")
    except (tarfile.TarError, ValueError, EOFError, OSError) as error:
        raise _damaged(first_line(error), path) from error


def _next(archive: tarfile.TarFile, path: Path) -> tarfile.TarInfo | None:
    try:
        return archive.next()
    except (tarfile.TarError, ValueError, EOFError, OverflowError, RecursionError) as error:
        raise _damaged(first_line(error), path) from error


def _one(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    path: Path,
    into: Path | None,
    found: dict[str, _Entry],
) -> _Entry:
    """Check, hash and, where wanted, write one file."""
    name = _safe(member, path)
    if name in found:
        raise _damaged(f"it holds {name} twice", path)
    digest, size = hashlib.sha256(), 0
    target = None
    if into is not None:
        place = into / name
        with disk_errors(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            target = place.open("xb")
    try:
        for block in _blocks(archive, member, path):
            digest.update(block)
            size += len(block)
            if target is not None:
                with disk_errors(Path(target.name)):
                    target.write(block)
        if target is not None:
            with disk_errors(Path(target.name)):
                target.flush()
                os.fsync(target.fileno())
                os.utime(target.name, (member.mtime, member.mtime))
    finally:
        if target is not None:
            target.close()
    if size != member.size:
        raise _damaged(f"{name} is cut off", path)
    found[name] = _Entry(path=name, size=size, sha256=digest.hexdigest())
    return found[name]


def _blocks(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> Iterator[bytes]:
    try:
        reader = archive.extractfile(member)
        while reader is not None and (block := reader.read(_BLOCK)):
            yield block
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise _damaged(first_line(error), path) from error


def _safe(member: tarfile.TarInfo, path: Path) -> str:
    """The path of a plain file below the project.

    Raises:
        DataError: for anything else.
    """
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        raise _damaged(f"{member.name!r} is not a plain file", path)
    name = member.name.removeprefix(PREFIX)
    parts = name.split("/")
    bad = any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts)
    if name == member.name or bad or PurePosixPath(name).is_absolute() or is_leftover(parts[-1]):
        raise _damaged(f"{member.name!r} is not a path of a project", path)
    return name


def _head(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> BackupHead:
    try:
        head = BackupHead.model_validate(_json(archive, member, path))
    except ValidationError as error:
        raise _damaged(f"{HEAD} cannot be read: {first_line(error)}", path) from error
    if head.format != BackupHead.model_fields["format"].default:
        raise DataError(
            f"the backup has format {head.format}, which this version does not know",
            where=str(path),
            next_command="upgrade narrowcast",
            reason_code="backup_damaged",
        )
    return head


def _hashes(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> list[_Entry]:
    try:
        return [_Entry.model_validate(each) for each in _json(archive, member, path)]
    except (ValidationError, TypeError) as error:
        raise _damaged(f"{HASHES} cannot be read: {first_line(error)}", path) from error


def _json(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> Any:
    if not member.isreg() or member.size > _MOST_JSON:
        raise _damaged(f"{member.name} is not a list", path)
    try:
        return json.loads(b"".join(_blocks(archive, member, path)))
    except (ValueError, RecursionError) as error:
        raise _damaged(f"{member.name} is not JSON: {first_line(error)}", path) from error


def _is_foreign(path: PurePosixPath) -> bool:
    """Locks, and hidden entries beside the project's own, such as `.git`."""
    return str(path) in _LOCKS or (len(path.parts) == 1 and path.name.startswith("."))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _raise(error: OSError) -> None:
    raise error


def _exists(path: Path) -> UsageError:
    return UsageError(
        "the file exists, and a backup replaces none", where=str(path), next_command="choose another name"
    )


def _damaged(why: str, path: Path) -> DataError:
    return DataError(
        f"the backup cannot be used: {why}",
        where=str(path),
        next_command="use another backup of the project",
        reason_code="backup_damaged",
    )
