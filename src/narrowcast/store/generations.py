"""Generations on disk, and the store of paid answers beside them.

data/generated/calls.jsonl               every paid answer of the project (`teacher.store`)
data/generated/<id>/quoted.jsonl         train rows that prompts may quote, fixed when it began
data/generated/<id>/rows.jsonl           the rows, one per line, readable or not
data/generated/<id>/generation.json      the record; written last, so it commits the generation
data/generated/<id>/judged.jsonl         what the judge said of each row
data/generated/<id>/gates.json           the verdicts of the gates when the rows were imported
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from narrowcast.core.example import Example
from narrowcast.core.generation import GeneratedRow, GenerationRecord, Judgement
from narrowcast.core.hashing import content_hash
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError, WorkspaceError
from narrowcast.store.files import (
    read_json_as,
    read_jsonl,
    read_jsonl_as,
    sha256_file,
    write_jsonl,
    write_text,
)


def generated_folder(project: ProjectPaths) -> Path:
    """`data/generated`."""
    return project.root / "data" / "generated"


def call_store_path(project: ProjectPaths) -> Path:
    """Every paid answer of the project, whoever asked for it."""
    return generated_folder(project) / "calls.jsonl"


def rows_path(project: ProjectPaths, generation: str) -> Path:
    """The rows of a generation."""
    return generated_folder(project) / generation / "rows.jsonl"


def record_path(project: ProjectPaths, generation: str) -> Path:
    """The record of a generation."""
    return generated_folder(project) / generation / "generation.json"


def judgements_path(project: ProjectPaths, generation: str) -> Path:
    """The judgements of a generation's rows."""
    return generated_folder(project) / generation / "judged.jsonl"


def generation_id(**parts: Any) -> str:
    """Short content address of everything that decides which rows are asked for."""
    return f"gen-{content_hash(parts)[:8]}"


def write_generation(
    project: ProjectPaths, record: GenerationRecord, rows: Iterable[GeneratedRow]
) -> GenerationRecord:
    """Write the rows, then the record; returns the record with the counts and the hash of the rows."""
    unreadable = 0

    def lines() -> Iterator[dict[str, Any]]:
        nonlocal unreadable
        for row in rows:
            unreadable += row.error is not None
            yield row.to_dict()

    count, digest = write_jsonl(rows_path(project, record.id), lines())
    written = record.model_copy(update={"rows": count, "unreadable": unreadable, "rows_sha256": digest})
    write_text(record_path(project, record.id), written.model_dump_json(indent=2) + "\n")
    return written


def generations(project: ProjectPaths) -> list[GenerationRecord]:
    """Every generation with a record, in the order in which they were written.

    Raises:
        WorkspaceError: if a record was damaged by hand.
    """
    folder = generated_folder(project)
    paths = folder.glob("*/generation.json") if folder.is_dir() else ()
    ordered = sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))
    return [_read_record(path) for path in ordered]


def find_generation(project: ProjectPaths, reference: str | None) -> GenerationRecord:
    """The generation of that id; the last one written where None.

    Raises:
        DataError: if there is none.
        WorkspaceError: if a record was damaged by hand.
    """
    known = generations(project)
    chosen = next((each for each in reversed(known) if reference in (None, each.id)), None)
    if chosen is None:
        raise DataError(
            f"there is no generation {reference}" if reference else "there is no generation in this project",
            where=", ".join(each.id for each in known) or project.root.name,
            next_command="narrowcast data generate, or narrowcast data gate --rows FILE",
            reason_code="factory_rows_missing",
        )
    return chosen


def read_rows(project: ProjectPaths, generation: str) -> Iterator[GeneratedRow]:
    """The rows of a generation, in order."""
    return map(GeneratedRow.from_dict, read_jsonl(rows_path(project, generation)))


def hash_rows(project: ProjectPaths, generation: str) -> str:
    """SHA-256 of the rows' file as it is now."""
    return sha256_file(rows_path(project, generation))


def row_origin(project: ProjectPaths, generation: str, number: int) -> dict[str, Any] | None:
    """How the row of that number was made, as its generation wrote it; None where it is gone."""
    path = rows_path(project, generation)
    lines = read_jsonl(path) if path.exists() else iter(())
    return next((line.get("origin") for line in lines if line["index"] == number), None)


def paid_call(project: ProjectPaths, key: str) -> dict[str, Any] | None:
    """The call of that key with the messages that the teacher saw; None where it is gone."""
    path = call_store_path(project)
    lines = read_jsonl(path) if path.exists() else iter(())
    return next((line for line in lines if line.get("key") == key and "request" in line), None)


def read_quoted(project: ProjectPaths, generation: str) -> list[Example] | None:
    """The rows that prompts may quote, fixed when the generation began; None before it began."""
    path = _quoted_path(project, generation)
    return [Example.from_dict(row) for row in read_jsonl(path)] if path.exists() else None


def write_quoted(project: ProjectPaths, generation: str, rows: Iterable[dict[str, Any]]) -> None:
    """Fix the rows that prompts may quote: later splits must not change the calls of a generation."""
    write_jsonl(_quoted_path(project, generation), rows)


def read_judgements(project: ProjectPaths, generation: str) -> dict[int, Judgement] | None:
    """Row number → judgement; None where nothing was judged.

    Raises:
        DataError: if the file was damaged by hand.
    """
    path = judgements_path(project, generation)
    return {each.index: each for each in read_jsonl_as(path, Judgement)} if path.exists() else None


def write_judgements(project: ProjectPaths, generation: str, judgements: Iterable[Judgement]) -> None:
    """Replace the judgements of a generation."""
    path = judgements_path(project, generation)
    write_jsonl(path, (judgement.model_dump(mode="json") for judgement in judgements))


def hash_judgements(project: ProjectPaths, generation: str) -> str:
    """SHA-256 of the judgements; empty where nothing was judged."""
    path = judgements_path(project, generation)
    return sha256_file(path) if path.exists() else ""


def write_verdicts(project: ProjectPaths, generation: str, verdicts: BaseModel) -> str:
    """Keep what the gates said when the rows were imported; returns the file, relative to the project."""
    path = generated_folder(project) / generation / "gates.json"
    write_text(path, verdicts.model_dump_json(indent=1) + "\n")
    return project.relative(path)


def _quoted_path(project: ProjectPaths, generation: str) -> Path:
    return generated_folder(project) / generation / "quoted.jsonl"


def _read_record(path: Path) -> GenerationRecord:
    try:
        return read_json_as(path, GenerationRecord)
    except DataError as error:
        raise WorkspaceError(
            f"the record of a generation cannot be read: {error.what}",
            where=error.where,
            next_command="restore the file from a backup, or delete its folder and generate again; "
            "answers that were paid for are kept",
        ) from error
