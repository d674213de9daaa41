"""A prepared project in which a tiny base is trained as users train: through the runner."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from narrowcast.core.paths import ProjectPaths
from narrowcast.core.settings import Settings
from narrowcast.core.stage import StageContext, Watch
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError
from narrowcast.pipeline.execute import stage_options
from narrowcast.pipeline.project import Project
from narrowcast.stages.train import STAGE, Options
from tests.support.progress import StopAfter

if TYPE_CHECKING:
    from narrowcast.stages.train import TrainResult

Seen = tuple[str, str, dict[str, object]]


class Workshop:
    """Trains in one project; the base and what keeps a tiny run quick are options of every run."""

    def __init__(self, project: Project, base: Path) -> None:
        self.opened, self.base = project, base
        self.emitted: list[Seen] = []
        """Events of contexts made by hand, for parts that are called without the runner."""

    @property
    def project(self) -> ProjectPaths:
        return self.opened.paths

    @property
    def events(self) -> list[Seen]:
        """Code, message and payload of every event of the project's trail after its creation."""
        trail = [(each.reason_code, each.message, each.payload) for each in self.opened.trail.events()]
        return [each for each in trail if each[0] != "project_created"]

    @property
    def run_folder(self) -> Path:
        """Checkpoints and trace of the only run so far."""
        (folder,) = (each for each in self.project.runs.iterdir() if each.is_dir())
        return folder

    def options(self, **fields: object) -> Options:
        return Options.model_validate(self._values(fields))

    def train(
        self,
        *,
        force: bool = True,
        resume: bool = False,
        stop: StopAfter | None = None,
        watch: Watch | None = None,
        **fields: object,
    ) -> TrainResult:
        """Train; by default in spite of the missing baseline, and from the start."""
        work = Work(stop, stop.token) if stop else Work()
        force = force and not resume
        options = stage_options(self.opened, STAGE, self._values(fields))
        return self.opened.runner(work).run(STAGE, options, force=force, resume=resume, watch=watch)

    def interrupt(self, steps: int, **fields: object) -> CancelledError:
        """Train, but stop after some optimizer steps."""
        with pytest.raises(CancelledError) as caught:
            self.train(stop=StopAfter(steps), **fields)
        return caught.value

    def elsewhere(self, name: str = "elsewhere") -> Workshop:
        """The same data and configuration in a project of its own, where nothing was trained."""
        root = self.project.root
        folder = root.parent / name
        left_out = (self.project.runs, self.project.adapters)
        shutil.copytree(
            root,
            folder,
            ignore=lambda place, names: [each for each in names if Path(place) / each in left_out],
        )
        return Workshop(Project.open(self.opened.settings, str(folder)), self.base)

    def context(self, **fields: Any) -> StageContext:
        """For parts that are called without the runner; what they emit is in `emitted`."""

        def emit(code: str, message: str, payload: dict[str, object] | None = None) -> None:
            self.emitted.append((code, message, payload or {}))

        values = {"force": True, "emit": emit, "run_id": "exp-0000000000", **fields}
        return StageContext(self.project, Settings.from_environment(), **values)

    def _values(self, fields: dict[str, object]) -> dict[str, Any]:
        return {
            "base": str(self.base),
            "epochs": 2,
            "batch_size": 8,
            "precision": "fp32",
            "forgetting_check": False,  # says nothing of random weights
            **fields,
        }
