"""A tiny base, and projects in which it is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from narrowcast.core.example import Example
from narrowcast.core.names import Split
from narrowcast.core.settings import Settings
from narrowcast.core.task import TaskSpec
from narrowcast.pipeline.project import Project
from tests.support.datasets import save_dataset, sentences, split_rows
from tests.support.workshop import Workshop

MakeWorkshop = Callable[..., Workshop]


@pytest.fixture
def workshop_with(settings: Settings, tiny_base: Path) -> Iterator[MakeWorkshop]:
    """`workshop_with(splits, task=None)`: a project with this data set."""
    with ExitStack() as opened:

        def make(splits: dict[Split, list[Example]], task: TaskSpec | None = None) -> Workshop:
            project = Project.create(settings, f"task {len(list(settings.home.glob('projects/*'))) + 1}")
            opened.callback(project.close)
            save_dataset(project.paths.root, splits, task)
            return Workshop(project, tiny_base)

        yield make


@pytest.fixture
def workshop(workshop_with: MakeWorkshop) -> Workshop:
    """64 train rows and 16 dev rows."""
    return workshop_with(split_rows(sentences(80), dev=16))
