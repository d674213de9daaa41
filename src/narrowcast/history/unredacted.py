"""Where texts still stand as they came, after a cleaning that redacts; nothing here is removed unasked."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from narrowcast.core.paths import ProjectPaths
from narrowcast.store.cleanings import CleanReport, cleanings, original_rows
from narrowcast.store.imports import read_records

_LOCAL = frozenset({"file", "csv", "tsv", "jsonl", "json", "docs", "conll", "xlsx", "parquet", "fasttext"})
_OPTION = {"pii": "pii", "secret": "secrets"}
_HIDING = ("redact", "block")


class UnredactedCopy(BaseModel):
    """A copy that the project keeps of the same source."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    path: str
    """Relative to the project."""
    remove: str
    """The command that removes it."""


def unredacted_copies(paths: ProjectPaths, report: CleanReport) -> list[UnredactedCopy]:
    """Files with texts of the source as they came, where this cleaning hid parts of them.

    Rows that other sources hold as well are not looked for. Prepared versions are not listed: they are made
    of the imports, and `data remove` names them.
    """
    families = {_OPTION[each.family] for each in report.findings}
    if not families & _hidden(report):
        return []  # nothing was hidden, so what the project has is what the cleaning keeps
    return [UnredactedCopy(path=path, remove=command) for path, command in _copies(paths, report)]


def _copies(paths: ProjectPaths, report: CleanReport) -> Iterator[tuple[str, str]]:
    weaker = {_address(report.locator)}
    for each in cleanings(paths):
        if _address(each.locator) != _address(report.locator):
            continue
        exposed = not _hidden(report) <= _hidden(each)
        if exposed:
            weaker.add(_address(f"jsonl:{paths.root / each.folder}/cleaned.jsonl"))
        if exposed and each.id != report.id:
            yield each.folder, f"narrowcast data cleanings --remove {each.id}"
        elif original_rows(paths, each.id).exists():
            original = paths.relative(original_rows(paths, each.id))
            yield original, f"rm {original_rows(paths, each.id)}"
    for record in read_records(paths):
        if _address(record.locator) in weaker:
            yield f"data/raw/{record.id}.jsonl", f"narrowcast data remove {record.id}"
    downloads = paths.raw / "downloads"
    if report.locator.partition(":")[0] not in _LOCAL and downloads.is_dir() and any(downloads.iterdir()):
        yield paths.relative(downloads), f"rm -r {downloads}"


def _hidden(report: CleanReport) -> set[str]:
    """The families of findings that a cleaning hides."""
    return {family for family in ("pii", "secrets") if report.options.get(family) in _HIDING}


def _address(locator: str) -> str:
    """A file may be read under several schemes."""
    return locator.partition(":")[2]
