"""Where texts of rows still stand after the rows were deleted: files that other stages made of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from narrowcast.core.paths import ProjectPaths
from narrowcast.store.import_rows import accepted_rows

_SUFFIXES = frozenset({".jsonl", ".json", ".md", ".txt", ".csv", ".yaml", ""})
_SHORTEST = 12  # characters; shorter texts stand everywhere
_MOST_BYTES = 64 << 20


def remains(paths: ProjectPaths, found: set[str]) -> dict[str, int]:
    """File, relative to the project → texts of these rows that it holds; files over 64 MiB are not read."""
    rows = [row for row in accepted_rows(paths, checked=False) if row.id in found]
    needles = {text for row in rows for text in _texts([row.inputs, row.target]) if len(text) >= _SHORTEST}
    written = {needle: (needle, json.dumps(needle, ensure_ascii=False)[1:-1]) for needle in needles}
    counts = {}
    for path in _other_files(paths):
        text = path.read_text(encoding="utf-8", errors="replace")
        held = sum(any(form in text for form in forms) for forms in written.values())
        if held:
            counts[paths.relative(path)] = held
    return counts


def _other_files(paths: ProjectPaths) -> Iterator[Path]:
    """Files below the folders that `forget` does not rewrite row by row."""
    folders: Iterable[Path] = (
        paths.root / "data" / "generated",
        paths.root / "data" / "cleaned",
        paths.specs,
        paths.runs,
        paths.root / "outputs",
    )
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            rewritten = path.suffix == ".jsonl" and paths.reports in path.parents
            small = path.is_file() and path.stat().st_size <= _MOST_BYTES
            if small and path.suffix in _SUFFIXES and not rewritten:
                yield path


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
