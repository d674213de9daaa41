"""Remote files on the disk: bounded, resumable, named by their address, with what identifies their content.

Beside `NAME` lie `NAME.json` (etag, last-modified, sha256, bytes) once it is whole, and `NAME.part` with
`NAME.part.json` while it is not. A file whose server still has the same content is not fetched again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from narrowcast.connectors.base import SourceAccess
from narrowcast.connectors.source import data_error
from narrowcast.core.hashing import sha256_hex, short
from narrowcast.store.files import disk_errors, write_json

_BLOCK = 1 << 20
_SAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server says about the content: enough to tell whether it changed."""

    etag: str = ""
    last_modified: str = ""

    @property
    def known(self) -> bool:
        """Whether there is anything to compare."""
        return bool(self.etag or self.last_modified)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A whole file."""

    path: Path
    sha256: str
    bytes: int
    validators: Validators
    content_type: str = ""

    @property
    def origin(self) -> dict[str, str]:
        """For the description and the record of an import."""
        values = {
            "sha256": self.sha256,
            "bytes": str(self.bytes),
            "etag": self.validators.etag,
            "last_modified": self.validators.last_modified,
        }
        return {name: value for name, value in values.items() if value}


class Download:
    """The place of one remote file.

    Args:
        access: folder and size limit.
        address: the public form of its address; decides on the name.
        name: its last part, for people and for the extension.
    """

    def __init__(self, access: SourceAccess, address: str, name: str) -> None:
        safe = _SAFE.sub("_", name).strip("._")[-80:] or "data"
        key = short(sha256_hex(address.encode("utf-8", "surrogatepass")))
        self._path = access.downloads / f"{key}-{safe}"
        self._part = self._path.with_name(f"{self._path.name}.part")
        self._limit = access.max_bytes
        self._where = address

    def whole(self) -> Downloaded | None:
        """The file as it was fetched before, if it still is what it was."""
        note = _read(_note(self._path))
        if not note or not self._path.exists() or self._path.stat().st_size != note.get("bytes"):
            return None
        kind = str(note.get("content_type", ""))
        return Downloaded(self._path, str(note["sha256"]), int(note["bytes"]), _validators(note), kind)

    def begun(self) -> tuple[int, Validators]:
        """How much of an interrupted download is there, and of which content; 0 where it cannot continue."""
        validators = _validators(_read(_note(self._part)))
        if not self._part.exists() or not validators.known:
            return 0, Validators()
        return self._part.stat().st_size, validators

    def write(
        self,
        blocks: Iterator[bytes],
        validators: Validators,
        start: int,
        expected: int | None,
        content_type: str = "",
    ) -> Downloaded:
        """Store a file from byte `start` on, whole or as a part that can be resumed.

        Args:
            blocks: its content from `start` on.
            validators: of the content that is sent.
            start: bytes kept of the part.
            expected: its whole size, where the server says so.
            content_type: what the server says that it is.

        Raises:
            DataError: if it is larger than allowed, or shorter than announced.
        """
        self.refuse_large(expected)
        with disk_errors(self._part):
            self._part.parent.mkdir(parents=True, exist_ok=True)
            identity = {"etag": validators.etag, "last_modified": validators.last_modified}
            write_json(_note(self._part), identity)
            with self._part.open("r+b" if start else "wb") as file:
                file.truncate(start)
                file.seek(start)
                size = self._copy(blocks, file, start)
            if expected is not None and size != expected:
                raise data_error(
                    f"the download was interrupted: {size:,} of {expected:,} bytes",
                    self._where,
                    "run the same command again; it continues from there",
                    reason_code="dataset_source_unreachable",
                )
            with self._part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self._part.replace(self._path)
            download = Downloaded(self._path, digest, size, validators, content_type)
            note = {"address": self._where, "sha256": digest, "bytes": size, "content_type": content_type}
            write_json(_note(self._path), {**note, **identity})
            _note(self._part).unlink(missing_ok=True)
        return download

    def _copy(self, blocks: Iterator[bytes], file: BinaryIO, start: int) -> int:
        size = start
        for block in blocks:
            size += len(block)
            self.refuse_large(size)
            file.write(block)
        return size

    def refuse_large(self, size: int | None) -> None:
        """Refuse a size over the limit.

        Raises:
            DataError: names the setting that raises the limit.
        """
        if size is not None and size > self._limit:
            self._part.unlink(missing_ok=True)
            raise data_error(
                f"the file has more than the {self._limit:,} bytes that are allowed",
                self._where,
                f"raise NARROWCAST_MAX_DOWNLOAD_BYTES above {size:,} if you need it",
                reason_code="dataset_source_too_large",
            )


def blocks_of(file: BinaryIO) -> Iterator[bytes]:
    """A stream in blocks of a mebibyte."""
    while block := file.read(_BLOCK):
        yield block


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _read(path: Path) -> dict[str, str | int]:
    """A note; a damaged one counts as none, the file is fetched again then."""
    try:
        note = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _validators(note: dict[str, str | int]) -> Validators:
    return Validators(str(note.get("etag", "")), str(note.get("last_modified", "")))
