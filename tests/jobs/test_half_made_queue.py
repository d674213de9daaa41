"""A queue whose database was being made when its process was killed."""

from __future__ import annotations

from narrowcast.pipeline.project import Project
from tests.support.jobs import submit


def test_a_database_without_its_tables_is_completed(project: Project) -> None:
    (project.settings.home / "jobs.db").touch()
    assert submit(project, [["prepare"]]).id
