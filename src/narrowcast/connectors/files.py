"""Several files as one source: a folder, a pattern (`csv:parts/*.csv`), or names with commas between them.

Each file is read by the connector of the locator's scheme, in the order of the names. Rows have one column
more: `file`, the path of their file from the folder that all are in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from narrowcast.connectors.base import Connector, SourceDescription
from narrowcast.connectors.source import data_error, refuse_whole_machine
from narrowcast.core.hashing import content_hash
from narrowcast.core.row import SourceRow

# The schemes that read a file, and what they take out of a folder; `.gz` may follow.
SUFFIXES: dict[str, tuple[str, ...]] = {
    "csv": (".csv", ".tsv", ".tab"),
    "jsonl": (".jsonl", ".ndjson"),
    "parquet": (".parquet",),
    "file": (
        ".csv",
        ".tsv",
        ".tab",
        ".jsonl",
        ".ndjson",
        ".json",
        ".parquet",
        ".xlsx",
        ".xls",
        ".ods",
        ".conll",
        ".conllu",
        ".iob",
        ".bio",
    ),
}
FILE_COLUMNS = ("file", "file_name", "source_file", "narrowcast_file")
_PATTERN = re.compile(r"[*?\[]")


def is_several(scheme: str, rest: str) -> bool:
    """Whether a locator names more than one file, as far as its text and the disk tell."""
    if scheme not in SUFFIXES or _exists(rest):
        return scheme in SUFFIXES and Path(rest).expanduser().is_dir()
    name, _ = split_options(rest)
    return bool(_PATTERN.search(name)) or len(listed(name)) > 1 or Path(name).expanduser().is_dir()


def listed(name: str) -> list[str]:
    """The names between the commas, where it is such a list: each is a file, a folder or a pattern."""
    parts = [part.strip() for part in name.split(",")]
    several = len(parts) > 1 and all(part and (_exists(part) or _PATTERN.search(part)) for part in parts)
    return parts if several and not _exists(name) else [name]


def split_options(rest: str) -> tuple[str, str]:
    """The names, and the options behind them with their question mark; a pattern may hold one as well."""
    name, mark, options = rest.rpartition("?")
    are_options = bool(mark) and ("=" in options or _exists(name)) and "/" not in options
    return (name, f"?{options}") if are_options else (rest, "")


class FilesConnector:
    """Built from a scheme and the part of a locator behind it."""

    def __init__(self, scheme: str, rest: str) -> None:
        self._scheme = scheme
        self._rest = rest
        name, self._options = split_options(rest)
        self._other: list[str] = []
        paths = {path.absolute() for part in listed(name) for path in self._found(part)}
        self._paths = sorted(paths, key=str)
        if not self._paths:
            raise data_error(
                "no file was found",
                f"{scheme}:{rest}",
                f"of a folder, {scheme}: takes {', '.join(SUFFIXES[scheme])}; name others with a pattern",
                reason_code="dataset_source_missing",
            )
        self._root = Path(os.path.commonpath([path.parent for path in self._paths]))

    def _found(self, name: str) -> list[Path]:
        path = Path(name).expanduser()
        if path.is_dir():
            refuse_whole_machine(path)
            below = [each for each in path.rglob("*") if each.is_file() and not _is_hidden(each, path)]
            taken = [each for each in below if _suffix(each) in SUFFIXES[self._scheme]]
            known = set(taken)
            self._other += [each.name for each in below if each not in known]
            return taken
        if path.is_file():
            return [path]
        start = Path(path.anchor) if path.is_absolute() else Path()
        pattern = str(path.relative_to(start)) if path.is_absolute() else name
        try:
            matched = list(start.glob(pattern))
        except ValueError as error:  # `**` beside other characters, before Python 3.13
            raise data_error(
                f"the pattern cannot be read: {error}",
                f"{self._scheme}:{self._rest}",
                "write another pattern",
                reason_code="dataset_request_invalid",
            ) from error
        return [each for each in matched if each.is_file() and not _is_hidden(each, start)]

    def describe(self) -> SourceDescription:
        """Columns of all files, and which files were left aside.

        Raises:
            DataError: where a file is not of this kind.
        """
        parts = [self._connector(path).describe() for path in self._paths]
        columns = list(dict.fromkeys(column for part in parts for column in part.columns))
        names = [self._name(path) for path in self._paths]
        notes = [f"{len(names):,} files: {_shown(names)}; column {self._column(columns)!r} names each row's"]
        if self._other:
            notes.append(f"not read: {_shown(sorted(self._other))}")
        partial = [column for column in columns if any(column not in part.columns for part in parts)]
        if partial:
            notes.append(f"not in every file: {_shown([repr(each) for each in partial])}")
        remarks = ((name, note) for name, part in zip(names, parts, strict=True) for note in part.notes)
        notes += [f"{name}: {note}" for name, note in list(remarks)[:20]]
        return SourceDescription(
            locator=f"{self._scheme}:{self._rest}",
            format=", ".join(dict.fromkeys(part.format for part in parts)),
            bytes=sum(part.bytes or 0 for part in parts),
            columns=[*columns, self._column(columns)],
            notes=notes,
            origin={"files": f"{len(names):,}"},
        )

    def fingerprint(self) -> str:
        """Hash of the names and contents; empty where one has none."""
        prints = []
        for path in self._paths:
            own: Any = getattr(self._connector(path), "fingerprint", None)
            prints.append((self._name(path), own() if own else ""))
        return f"files:{content_hash(prints)}" if all(each for _, each in prints) else ""

    def load(self) -> Iterator[SourceRow]:
        """The rows of each file in turn, numbered through."""
        column = self._column(self.describe().columns[:-1])
        number = 0
        for path in self._paths:
            name = self._name(path)
            for row in self._connector(path).load():
                if row.error is None:
                    yield SourceRow(number, {**row.data, column: name})
                else:
                    yield replace(row, index=number, error=f"{name}, record {row.index}: {row.error}")
                number += 1

    def _connector(self, path: Path) -> Connector:
        from narrowcast.connectors import CONNECTORS

        kind: Any = CONNECTORS.get(self._scheme)
        built: Connector = kind(f"{path}{self._options}")
        return built

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _column(self, columns: list[str]) -> str:
        return next(name for name in FILE_COLUMNS if name not in columns)


def _exists(name: str) -> bool:
    return os.path.lexists(Path(name).expanduser()) if len(name) < 4_000 else False


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _suffix(path: Path) -> str:
    suffixes = [each.lower() for each in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"
