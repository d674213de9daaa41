"""Make a project with its task specification."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from narrowcast.core.settings import Settings
from narrowcast.factory.spec import SpecAnswers, read_schema
from narrowcast.ops.requests import InitRequest
from narrowcast.pipeline.project import Project


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
