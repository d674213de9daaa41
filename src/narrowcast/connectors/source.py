"""What every file source shares: the path and its options, gzip, clear refusals, bounded lines.

A locator may carry options that overrule what would be found:
`csv:data.txt?delimiter=;&encoding=latin-1&header=no`.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl

from narrowcast.connectors.base import SettledLocator, SourceDescription
from narrowcast.core.locator import Locator
from narrowcast.errors import DataError, UsageError
from narrowcast.store.files import sha256_file

SAMPLE_BYTES = 1 << 20
MAX_LINE_BYTES = 64 << 20
MAX_DOCUMENT_BYTES = 512 << 20  # of a file that can only be read whole
_BLOCK_BYTES = 1 << 16
RAW_CHARS = 2_000  # how much of an unparseable record is kept

_MAGIC = {
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a zip archive or an Office document",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Office document",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"PAR1": "a Parquet file",
    b"GGUF": "a GGUF model",
    b"\x7fELF": "a program",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
}

_READ_AS = {
    "a PDF document": "read its text with docs:{path}",
    "an SQLite database": "read a table of it with sql:sqlite:///{path}?table=NAME",
    "a Parquet file": "read it with parquet:{path}",
}


def data_error(what: str, where: str, next_command: str, *, reason_code: str) -> DataError:
    """A refusal of the ingestion stage."""
    return DataError(what, where=where, next_command=next_command, reason_code=reason_code)


def settle_path(locator: Locator, project: Path, listed: bool) -> SettledLocator:
    """The `settle` of sources that are a local path with options; see `Connector`."""
    name, mark, options = _path_and_options(locator.rest, project)
    path = Path(name).expanduser()
    if listed:
        inside = project / path
        path = inside if inside.exists() else path
        return SettledLocator(str(locator), Locator(locator.scheme, f"{path}{mark}{options}"))
    settled = Locator(locator.scheme, f"{path.absolute()}{mark}{options}")
    return SettledLocator(str(settled), settled)


def _path_and_options(rest: str, project: Path) -> tuple[str, str, str]:
    """Path, question mark and options; a file whose name holds a question mark has no options."""
    name, mark, options = rest.rpartition("?")
    if not mark or Path(rest).exists() or (project / rest).exists():
        return rest, "", ""
    return name, mark, options


class SourceFile:
    """An existing, non-empty file named by the part of a locator after the colon.

    Attributes:
        path: where the file is.
        options: `key=value` pairs after a question mark.
        compressed: True for gzip, found by content.
    """

    def __init__(self, scheme: str, rest: str, allowed: frozenset[str] = frozenset()) -> None:
        self.locator = f"{scheme}:{rest}"
        name, self.options = _split_options(rest, allowed)
        self.path = Path(name).expanduser()
        self._check()
        with self.path.open("rb") as file:
            self.compressed = file.read(2) == b"\x1f\x8b"

    @classmethod
    def of(cls, source: str | SourceFile, scheme: str, allowed: frozenset[str] = frozenset()) -> SourceFile:
        """The file that a locator names, or the one that `file:` has opened, with these options at most."""
        if isinstance(source, str):
            return cls(scheme, source, allowed)
        source.allow(*allowed)
        return source

    def _check(self) -> None:
        where = str(self.path)
        if not self.path.exists():
            near = _similar(self.path)
            raise data_error(
                "the file does not exist",
                where,
                f"did you mean {near}?" if near else "check the path; it is relative to the current folder",
                reason_code="dataset_source_missing",
            )
        if self.path.is_dir():
            files = sorted(each.name for each in self.path.iterdir() if each.is_file())[:5]
            raise data_error(
                "this is a folder, not a file",
                where,
                f"name one of its files: {', '.join(files)}" if files else "name a file",
                reason_code="dataset_format_unknown",
            )
        if not self.path.is_file():
            raise data_error(
                "this is not a regular file",
                where,
                "copy its content into a file first",
                reason_code="dataset_format_unknown",
            )
        if self.path.stat().st_size == 0:
            raise data_error(
                "the file is empty",
                where,
                "export the data again, or name another file",
                reason_code="dataset_source_empty",
            )

    def fingerprint(self) -> str:
        """Hash of the file's bytes."""
        return f"sha256:{sha256_file(self.path)}"

    def allow(self, *names: str) -> None:
        """Refuse options that have no meaning for the form that was found.

        Raises:
            UsageError: names the options that have.
        """
        refuse_options(self.options, frozenset(names), self.locator)

    @property
    def suffix(self) -> str:
        """The last extension in lower case, `.gz` apart."""
        suffixes = [each.lower() for each in self.path.suffixes]
        if suffixes and suffixes[-1] == ".gz":
            suffixes.pop()
        return suffixes[-1] if suffixes else ""

    def open(self) -> BinaryIO:
        """The decompressed bytes; errors of the disk or the archive are `DataError`s while reading."""
        try:
            if self.compressed:
                return cast(BinaryIO, io.BufferedReader(_CheckedGzip(self.path), 1 << 18))
            return self.path.open("rb", buffering=1 << 18)
        except OSError as error:
            raise data_error(
                f"the file cannot be read: {error.strerror}",
                str(self.path),
                "check its permissions",
                reason_code="dataset_source_damaged",
            ) from error

    def sample(self, size: int = SAMPLE_BYTES) -> bytes:
        """The first bytes.

        Raises:
            DataError: if nothing is inside an archive.
        """
        with self.open() as file:
            head = file.read(size)
        if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
            raise data_error(
                "the file contains only white space",
                str(self.path),
                "export the data again, or name another file",
                reason_code="dataset_source_empty",
            )
        return head

    def read_document(self) -> bytes:
        """All bytes of a file that can only be read whole.

        Raises:
            DataError: if it is larger than `MAX_DOCUMENT_BYTES`.
        """
        with self.open() as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
        if len(data) > MAX_DOCUMENT_BYTES:
            raise data_error(
                f"the file has more than {MAX_DOCUMENT_BYTES >> 20} MiB and cannot be read in parts",
                str(self.path),
                "write one record per line (jsonl), or csv",
                reason_code="dataset_source_too_large",
            )
        return data

    def refuse_binary(self, head: bytes) -> None:
        """Refuse what is not text.

        Raises:
            DataError: says what the content looks like.
        """
        kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
        if kind is None and _control_share(head) > 0.05 and not _wide(head):
            kind = "binary data"
        if kind:
            raise data_error(
                f"the file is {kind}, not text",
                str(self.path),
                _READ_AS.get(kind, "").format(path=self.path)
                or f"file:{self.path} reads csv, tsv, json, jsonl, xlsx, xls, ods and parquet; "
                "`narrowcast data sources` lists what can be read",
                reason_code="dataset_format_unknown",
            )

    def description(self, kind: str, encoding: str | None, notes: list[str]) -> SourceDescription:
        """A description with what every file knows."""
        if self.compressed:
            notes = ["gzip, found by its content", *notes]
        return SourceDescription(
            locator=self.locator,
            format=kind,
            bytes=self.path.stat().st_size,
            encoding=encoding,
            notes=notes,
        )


class _CheckedGzip(gzip.GzipFile):
    """A gzip stream whose damage is a clear error, wherever in the file it is met."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._path = str(path)

    def readinto(self, buffer: Any) -> int:
        import zlib

        try:
            return super().readinto(buffer)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise data_error(
                f"the gzip file is damaged: {error}",
                self._path,
                "download or export it again",
                reason_code="dataset_source_damaged",
            ) from error


def line_blocks(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines with their newlines, some of them at a time.

    A line that is longer than `MAX_LINE_BYTES` comes without its rest, as the last of its block. The caller
    recognises it by its length, so memory stays bounded whatever the file holds.
    """
    while block := file.read(_BLOCK_BYTES):
        begun = len(block) - block.rfind(b"\n") - 1
        rest = file.readline(MAX_LINE_BYTES - begun) if begun else b""
        yield block + rest
        long = begun + len(rest) == MAX_LINE_BYTES
        while long and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE_BYTES)
            long = len(rest) == MAX_LINE_BYTES


def _split_options(rest: str, allowed: frozenset[str]) -> tuple[str, dict[str, str]]:
    name, mark, query = rest.rpartition("?")
    if not mark or Path(rest).expanduser().exists():
        return rest, {}
    options = dict(parse_qsl(query, keep_blank_values=True)) or {query: ""}
    refuse_options(options, allowed, rest)
    return name, options


def refuse_options(options: Mapping[str, str], allowed: frozenset[str], where: str) -> None:
    """Refuse options that a source does not have.

    Raises:
        UsageError: names those that it has.
    """
    unknown = sorted(set(options) - allowed)
    if unknown:
        raise UsageError(
            f"the locator has an unknown option: {', '.join(unknown)}",
            where=where,
            next_command=f"options are: {', '.join(sorted(allowed)) or 'none for this source'}",
            reason_code="dataset_request_invalid",
        )


def _similar(path: Path) -> str | None:
    from difflib import get_close_matches

    parent = path.parent
    if not parent.is_dir():
        return None
    near = get_close_matches(path.name, [each.name for each in parent.iterdir()], n=1, cutoff=0.7)
    return str(parent / near[0]) if near else None


def _control_share(head: bytes) -> float:
    text = bytes(range(0x20, 0x100)) + b"\t\n\r\f\x1b"
    return len(head.translate(None, text)) / len(head)


def _wide(head: bytes) -> bool:
    """Whether this looks like UTF-16 or UTF-32, whose zero bytes are ordinary."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    return max(even, odd) / half > 0.4 and min(even, odd) / half < 0.05


def refuse_whole_machine(folder: Path) -> None:
    """Refuse the root of the file system and the user's home as a folder of rows.

    Raises:
        DataError: with all that lies there, rows would be read from what nobody meant, for hours.
    """
    place = folder.expanduser().resolve()
    if place in (Path(place.anchor), Path("~").expanduser().resolve()):
        raise data_error(
            "this folder holds everything on the machine or of the user",
            str(place),
            "name the folder below it that holds the rows",
            reason_code="dataset_source_too_large",
        )
