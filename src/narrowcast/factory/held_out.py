"""Rows that no teacher may see: dev, test, golden and adversarial rows, and rows imported into these."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from narrowcast.core.example import Example
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.names import Provenance, Split
from narrowcast.core.paths import ProjectPaths
from narrowcast.errors import DataError, StageError
from narrowcast.similarity.shingles import normalised
from narrowcast.store.datasets import load_manifest, read_split
from narrowcast.store.files import read_jsonl
from narrowcast.store.import_rows import accepted_rows

# Shorter texts (`yes`, a label, a first name) are in every prompt; they are compared as whole inputs only.
_SEARCHED_FROM = 16

_EVALUATION_FILES = ("dev", "test", "adversarial", "golden")


def held_out_rows(project: ProjectPaths, records: Iterable[ImportRecord] | None = None) -> list[Example]:
    """Every row that was or will be held out, as far as the project knows.

    Args:
        project: whose.
        records: the imports to look at, beside the evaluation files; every committed one where None.
    """
    rows = {example.id: example for _, example in evaluation_rows(project)}
    for example in accepted_rows(project, records):
        if example.split not in (None, Split.TRAIN):
            rows[example.id] = example
    return list(rows.values())


def evaluation_rows(project: ProjectPaths) -> Iterator[tuple[str, Example]]:
    """Every row of the evaluation files, with the name of its file.

    Raises:
        DataError: where a file cannot be read.
    """
    for name in _EVALUATION_FILES:
        path = project.evaluation / f"{name}.jsonl"
        if path.exists():
            for row in _evaluation_rows(path):
                yield name, row


def _evaluation_rows(path: Path) -> Iterator[Example]:
    """Rows of an evaluation file; one that a person wrote may have any fields, all of which are inputs.

    Raises:
        DataError: if a line is not a JSON object, because a row that cannot be read cannot be held out.
    """
    try:
        for number, line in enumerate(read_jsonl(path)):
            if "inputs" in line and "target" in line:
                yield Example.from_dict({"source": path.stem, "index": number, **line})
            else:
                yield Example({**line}, "", source=path.stem, index=number)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"an evaluation file cannot be read: {error}",
            where=str(path),
            next_command="correct its lines: one JSON object each",
            reason_code="factory_rows_missing",
        ) from error


def quotable_rows(project: ProjectPaths, held_out: Sequence[Example]) -> list[Example]:
    """Rows that a prompt may quote: the train split; before there is one, rows imported into train.

    Left out are rows that a model answered (generated or logged ones), so that a teacher does not copy
    models, and rows that say what a held-out row says.
    """
    try:
        manifest = load_manifest(project)
    except DataError as error:
        if error.reason_code != "prepare_manifest_missing":
            raise
        candidates = [row for row in accepted_rows(project) if row.split is Split.TRAIN]
    else:
        candidates = read_split(project, manifest, Split.TRAIN)
    guard = HeldOutGuard(held_out)
    return [row for row in candidates if row.provenance is Provenance.HUMAN and not guard.forbids(row)]


class HeldOutGuard:
    """Looks for held-out text in rows to be quoted and, as the last step before sending, in prompts."""

    def __init__(self, held_out: Iterable[Example]) -> None:
        texts = {text for row in held_out for text in input_texts(row.inputs)}
        self._whole = {normalised(text) for text in texts}
        # Found by their first characters, so that a prompt is read once however many rows are held out.
        self._by_start: dict[str, list[str]] = {}
        for text in sorted(texts | {json.dumps(text, ensure_ascii=False)[1:-1] for text in texts}):
            if len(text) >= _SEARCHED_FROM:
                self._by_start.setdefault(text[:_SEARCHED_FROM], []).append(text)

    def forbids(self, row: Example) -> bool:
        """True where the row's input is a held-out one or holds one."""
        return any(
            normalised(text) in self._whole or self.found_in(text) is not None
            for text in input_texts(row.inputs)
        )

    def found_in(self, text: str) -> str | None:
        """The first held-out text (of 16 characters and more) in `text`, as it is or as JSON writes it."""
        for place in range(len(text) - _SEARCHED_FROM + 1):
            for each in self._by_start.get(text[place : place + _SEARCHED_FROM], ()):
                if text.startswith(each, place):
                    return each
        return None

    def check(self, prompt: str) -> None:
        """Refuse a prompt that holds a held-out text.

        Raises:
            StageError: `factory_held_out_text`; the request was not sent.
        """
        match = self.found_in(prompt)
        if match is not None:
            raise StageError(
                "a prompt contains the text of a held-out row; it was not sent",
                where=match[:80],
                next_command="remove the text from task.md and specs/generation_prompts, then run it again",
                reason_code="factory_held_out_text",
            )


def input_texts(value: Any) -> Iterator[str]:
    """Every text of an input, nested ones included, but for the roles of messages."""
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            if name != "role":
                yield from input_texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from input_texts(each)
