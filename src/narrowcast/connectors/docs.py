"""`docs:DIR`: a folder of documents (pdf, html, md, docx, txt), one row per document."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from narrowcast.connectors.base import SourceDescription
from narrowcast.connectors.document import Document, docx, html, markdown, pdf, plain_text
from narrowcast.connectors.encoding import find_encoding
from narrowcast.connectors.source import (
    SAMPLE_BYTES,
    SourceFile,
    data_error,
    refuse_whole_machine,
    settle_path,
)
from narrowcast.core.hashing import content_hash
from narrowcast.core.row import SourceRow
from narrowcast.errors import NarrowcastError
from narrowcast.faults import readable
from narrowcast.plugins import optional
from narrowcast.store.files import sha256_file

_BINARY: dict[str, Callable[[io.BytesIO], Document]] = {".pdf": pdf, ".docx": docx}
_TEXT: dict[str, Callable[[str], Document]] = {
    ".html": html,
    ".htm": html,
    ".xhtml": html,
    ".md": markdown,
    ".markdown": markdown,
    ".txt": plain_text,
    ".rst": plain_text,
}
_MODULES = {
    ".pdf": "pypdf",
    ".docx": "docx",
    ".html": "inscriptis",
    ".htm": "inscriptis",
    ".xhtml": "inscriptis",
}


class DocsConnector:
    """Built from the folder (or the one file) after `docs:`; folders are read with everything below them."""

    needs = ("pypdf", "docx", "inscriptis")

    settle = staticmethod(settle_path)

    def __init__(self, rest: str) -> None:
        self._root = Path(rest).expanduser()
        if not self._root.exists():
            raise data_error(
                "there is no such folder",
                str(self._root),
                "check the path",
                reason_code="dataset_source_missing",
            )
        refuse_whole_machine(self._root)
        self._other: Counter[str] = Counter()
        self._files = self._find()
        if not self._files:
            raise data_error(
                "no document was found",
                str(self._root),
                f"documents end in {', '.join([*_BINARY, *_TEXT])}",
                reason_code="dataset_source_missing",
            )
        needed = {_MODULES[each.suffix.lower()] for each in self._files if each.suffix.lower() in _MODULES}
        optional.require(*sorted(needed), purpose="reading these documents")

    def _find(self) -> list[Path]:
        if self._root.is_file():
            return [self._root] if self._root.suffix.lower() in (*_BINARY, *_TEXT) else []
        paths = []
        for folder, below, names in os.walk(self._root):
            below.sort()
            for name in sorted(names):
                suffix = Path(name).suffix.lower()
                if suffix in _BINARY or suffix in _TEXT:
                    paths.append(Path(folder, name))
                else:
                    self._other[suffix or name] += 1
        return paths

    def describe(self) -> SourceDescription:
        """How many documents of which kind, and which files are none."""
        kinds = Counter(each.suffix.lower() for each in self._files)
        notes = [f"documents: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}"]
        if self._other:
            others = ", ".join(f"{count} {kind}" for kind, count in self._other.most_common(8))
            notes.append(f"other files, which are not read: {others}")
        return SourceDescription(
            locator=f"docs:{self._root}",
            format="documents",
            bytes=sum(each.stat().st_size for each in self._files if each.is_file()),
            columns=["text", "title", "path", "format", "pages"],
            notes=notes,
        )

    def fingerprint(self) -> str:
        """Hash of every document, with its path."""
        root = self._root if self._root.is_dir() else self._root.parent
        hashes = {
            readable(each.relative_to(root).as_posix()): sha256_file(each) if each.is_file() else ""
            for each in self._files
        }
        return f"sha256:{content_hash(hashes)}"

    def load(self) -> Iterator[SourceRow]:
        """One row per document, by path; an unreadable one is a row with an error."""
        root = self._root if self._root.is_dir() else self._root.parent
        for index, path in enumerate(self._files):
            name = readable(path.relative_to(root).as_posix())
            try:
                document = _read(path, root)
                problem = None if document.text.strip() else _no_text(path)
            except NarrowcastError as error:
                problem = error.what
            except Exception as error:  # noqa: BLE001 - what a foreign parser raises is this document's fault
                problem = f"{type(error).__name__}: {error}"
            if problem:
                yield SourceRow(index, error=f"{name}: {' '.join(problem.split())[:400]}", raw=name)
                continue
            yield SourceRow(
                index,
                {
                    "text": document.text,
                    "title": document.title or readable(path.stem),
                    "path": name,
                    "format": path.suffix.lower().lstrip("."),
                    "pages": document.pages,
                },
            )


def _read(path: Path, root: Path) -> Document:
    if not path.resolve().is_relative_to(root.resolve()):
        raise data_error(
            "the file is a link to a place outside the folder",
            str(path),
            "copy it into the folder",
            reason_code="dataset_source_damaged",
        )
    source = SourceFile("docs", str(path))
    suffix = path.suffix.lower()
    content = source.read_document()
    if suffix in _BINARY:
        return _BINARY[suffix](io.BytesIO(content))
    head = content[:SAMPLE_BYTES]
    source.refuse_binary(head)
    text = content.decode(find_encoding(source, head).name).removeprefix("\ufeff")
    return _TEXT[suffix](text.replace("\r\n", "\n").replace("\r", "\n"))


def _no_text(path: Path) -> str:
    if path.suffix.lower() == ".pdf":
        return "the pages contain no text; a scan needs OCR first"
    return "the document contains no text"
