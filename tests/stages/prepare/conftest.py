"""Rows put into a project the way an import leaves them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from narrowcast.core.example import Example
from narrowcast.core.manifest import ImportRecord
from narrowcast.core.task import TaskSpec
from narrowcast.pipeline.project import Project
from narrowcast.store.files import append_jsonl, write_jsonl

Commit = Callable[..., None]


def commit_rows(project: Project, rows: Sequence[Example], *, name: str, labels: Sequence[str]) -> None:
    """One committed import called `name`, and the classification task that goes with it."""
    count, digest = write_jsonl(project.paths.accepted / f"{name}.jsonl", (row.to_dict() for row in rows))
    record = ImportRecord(
        id=name,
        locator=f"jsonl:{name}.jsonl",
        mapper="label_to_classification",
        rows=count,
        accepted=count,
        raw_sha256="",
        accepted_sha256=digest,
    )
    append_jsonl(project.paths.imports, record.model_dump(mode="json"))
    task = TaskSpec(profile="classification", labels=list(labels))
    project.save_config(project.config.model_copy(update={"task": task}))


@pytest.fixture
def commit(project: Project) -> Commit:
    """`commit(rows, name="a", labels=("x", "y"))`."""

    def put(rows: Sequence[Example], *, name: str = "first", labels: Sequence[str] = ("x", "y")) -> None:
        commit_rows(project, rows, name=name, labels=labels)

    return put
