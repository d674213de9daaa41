"""Make a project with its task specification; list the projects."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from narrowcast.core.settings import Settings
from narrowcast.factory.spec import SpecAnswers, read_schema
from narrowcast.ops.requests import InitRequest
from narrowcast.pipeline.project import Project, default_project, projects


class CreatedProject(BaseModel):
    """A new project."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    slug: str
    path: str
    assumed: list[str]
    """What the request does not say, so that the specification assumes it."""


def create_project(settings: Settings, request: InitRequest) -> CreatedProject:
    """Make the folder, write its specification, and enter it in the index.

    Raises:
        UsageError: if the name is empty or taken, the folder holds a project already, or the answers
            contradict each other.
    """
    given = request.model_dump(include=set(SpecAnswers.model_fields))
    schema = read_schema(request.schema_file) if request.schema_file else {}
    answers = SpecAnswers.model_validate({**given, "output_schema": schema})
    name = request.name or Path.cwd().name
    with Project.create(settings, name, request.path, spec=answers) as project:
        return CreatedProject(
            id=project.id,
            slug=project.slug,
            path=str(project.paths.root),
            assumed=answers.assumed(),
        )


class ListedProject(BaseModel):
    """A project as the index knows it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    slug: str
    path: str
    used_at: str
    current: bool
    """Commands that name no project take it."""
    missing: bool
    """Its folder is gone, or holds no project."""


def list_projects(settings: Settings) -> list[ListedProject]:
    """Every project of the workspace, by number."""
    current = default_project(settings)
    return [
        ListedProject(
            id=each.id,
            slug=each.slug,
            path=str(each.path),
            used_at=each.used_at,
            current=each == current,
            missing=each.is_missing,
        )
        for each in projects(settings)
    ]


class UsedProject(BaseModel):
    """The project that was made the current one."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    slug: str
    path: str
    hidden_by: str
    """What makes commands take another one here all the same; "" where nothing does."""


def use_project(settings: Settings, ref: str) -> UsedProject:
    """Make a project the one that commands take where none is named.

    Raises:
        UsageError: if there is no such project.
    """
    with Project.open(settings, ref) as project:
        project.use()
        taken = default_project(settings)
        other = taken is None or taken.id != project.id
        place = f"NARROWCAST_PROJECT={settings.project}" if settings.project else "the project of this folder"
        return UsedProject(
            id=project.id,
            slug=project.slug,
            path=str(project.paths.root),
            hidden_by=place if other else "",
        )
