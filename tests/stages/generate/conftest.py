"""Teachers to ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from narrowcast.pipeline.project import Project
from tests.support.factory import Teachers


@pytest.fixture
def teachers(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teachers]:
    """Starts servers and names them as the project's teacher."""
    made = Teachers(project, monkeypatch)
    yield made
    made.close()
