"""A project with held-out rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrowcast.core.names import Split
from narrowcast.pipeline.project import Project
from tests.stages.gate.rows import LABELS, row
from tests.support.factory import declare_labels, import_labelled, write_rows


@pytest.fixture
def labelled(project: Project, tmp_path: Path) -> Project:
    """A project with 60 held-out rows."""
    declare_labels(project, LABELS)
    held_out = write_rows(tmp_path / "test.jsonl", map(row, range(5_000, 5_060)))
    import_labelled(project, held_out, Split.TEST)
    return project
