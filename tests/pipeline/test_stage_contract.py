"""What every stage keeps to: one beginning and one end of each run, freshness by content, dry runs that write
nothing, and a project that is whole after a stop, a crash or a kill at any step."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from narrowcast.audit.event import RunEvent
from narrowcast.core.progress import CancelToken, NullProgress
from narrowcast.core.settings import Settings
from narrowcast.core.stage import StageContext
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, StageError
from narrowcast.pipeline.engines import LOCAL
from narrowcast.pipeline.project import Project
from narrowcast.pipeline.runner import Runner
from narrowcast.store.stage_records import load_record, running_stages
from narrowcast.testing.teacher_server import TeacherServer
from tests.support.kills import count_steps, killed_at
from tests.support.stage_cases import (
    CASES,
    EVERY_CASE,
    HEAVY_CASES,
    Case,
    Definition,
    answer,
    declare,
    options_of,
    run_needs,
    source_of,
)

_ENDS = {"stage_interrupted", "stage_recovered"}
_JOURNALS = ("registry/events", "registry/stages/", "registry/lock")


class Stand:
    """A project on which what the stage needs was done, put back in its place for each attempt."""

    def __init__(self, folder: Path, settings: Settings, name: str, case: Case, base: Path | None) -> None:
        self.case = case
        self._settings = settings
        self._place, self._kept = settings.home, folder / "kept"
        project = Project.create(settings, name, settings.home / "project")
        declare(project, base)
        run_needs(project, case.after)
        project.close()
        self._place.rename(self._kept)

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._place / "project"

    def fresh(self) -> Project:
        """The project as it was before the stage; its source lies beside it."""
        shutil.rmtree(self._place, ignore_errors=True)
        shutil.copytree(self._kept, self._place)
        return self.open()

    def open(self) -> Project:
        """The project as it is now."""
        return Project.open(self._settings, str(self.root))

    def run(self, project: Project, work: Work | None = None) -> Any:
        """Run the stage."""
        return project.runner(work).run(self.case.stage, options_of(project, self.case), force=self.force)

    @property
    def force(self) -> bool:
        """Training is gated by a baseline, which these tests are not about."""
        return self.case.stage.name == "train"

    def files(self) -> dict[str, str]:
        """Name → content of what the stage wrote, apart from times; of volatile files the name alone."""
        return {
            name: "" if any(fnmatchcase(name, each) for each in self.case.volatile) else digest
            for name, digest in self.all_files().items()
            if not name.startswith(_JOURNALS)
        }

    def all_files(self) -> dict[str, str]:
        """Name → hash of everything in the project; half-written files of a killed process are no part."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if path.is_file() and ".part" not in name and name != "registry/lock":
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found


@pytest.fixture(scope="module")
def teacher() -> Iterator[TeacherServer]:
    """Answers by the prompt alone."""
    server = TeacherServer(script=answer)
    yield server
    server.close()


def _cases() -> list[Any]:
    heavy = [pytest.param(name, marks=pytest.mark.nightly) for name in HEAVY_CASES]
    return [*CASES, *heavy]


@pytest.fixture(scope="module", params=_cases())
def stand(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, teacher: TeacherServer
) -> Stand:
    """One for each stage; what the stage needs is done once."""
    folder = tmp_path_factory.mktemp(request.param)
    named = {"teacher_url": teacher.url, "teacher_model": "steady", "teacher_key": SecretStr("key")}
    settings = Settings.from_environment(home=folder / "home").model_copy(update=named)
    heavy = request.param in HEAVY_CASES
    base = request.getfixturevalue("tiny_base") if heavy else None
    return Stand(folder, settings, request.param, EVERY_CASE[request.param], base)


class Watched(NullProgress):
    """Remembers whether the phase that was begun has ended; asks for a stop at a step of its own."""

    def __init__(self, stop_at: int = 0) -> None:
        self.token, self.open, self._left = CancelToken(), False, stop_at

    def start(self, description: str, total: int | None = None) -> None:
        """A phase begins."""
        self.open = True
        self._left -= 1
        if self._left == 0:
            self.token.cancel()

    def finish(self) -> None:
        """The phase ends."""
        self.open = False


class Broken:
    """An engine that does the work and then fails as the machine below it might."""

    def body(self, definition: Definition) -> Any:
        """Raises what no part of narrowcast raises."""

        def run(inputs: Any, options: Any, context: StageContext) -> Any:
            LOCAL.body(definition)(inputs, options, context)
            raise RuntimeError("the machine went away")

        return run


def events_of(project: Project, run: str) -> list[RunEvent]:
    return [event for event in project.trail.events() if event.run == run]


def ends(stage: Definition, events: list[RunEvent], code: str = "") -> int:
    """How many of the events end a run of the stage."""
    codes = {stage.success_code, stage.failure_code, stage.cancelled_code, code} | _ENDS
    return sum(event.reason_code in codes for event in events)


def test_a_run_begins_and_ends_in_one_event_each(stand: Stand) -> None:
    stage, project = stand.case.stage, stand.fresh()
    planned = project.runner().plan(stage, options_of(project, stand.case))
    watched = Watched()
    result = stand.run(project, Work(watched))
    events = events_of(project, planned.run_id)
    code = result.reason_code or stage.success_code
    assert [events[0].reason_code, events[-1].reason_code] == ["stage_started", code]
    assert ends(stage, events, code) == 1
    assert {event.parent for event in events} == {planned.inputs.parent}
    assert not watched.open
    assert running_stages(project.paths) == []
    assert stage.result.model_validate_json(result.model_dump_json()) == stage.result.model_validate(
        result.model_dump(mode="json")
    )
    kept = load_record(project.paths, stage.name, planned.subject, planned.run_id if stage.keep_each else "")
    assert kept is not None
    assert kept.run_id == planned.run_id
    assert project.trail.verify().intact
    project.close()


def test_content_decides_whether_it_runs_again(stand: Stand) -> None:
    stage, project = stand.case.stage, stand.fresh()
    first = stand.run(project)
    options = options_of(project, stand.case)
    if stand.case.fresh:
        source_of(project).touch()
        count = len(project.trail.events())
        assert project.runner().plan(stage, options).stale_because == ""
        again = project.runner().run(stage, options)
        assert again == stage.result.model_validate(first.model_dump(mode="json"))
        assert len(project.trail.events()) == count
        for name in first.artifacts[:1]:
            path = project.paths.root / name
            path.rename(path.with_name("aside"))
            assert project.runner().plan(stage, options).stale_because == f"{name} is gone"
            path.with_name("aside").rename(path)
        assert project.runner().plan(stage, options).stale_because == ""
    stand.case.change(project)
    assert project.runner().plan(stage, options_of(project, stand.case)).stale_because
    project.close()


def test_a_dry_run_writes_nothing(stand: Stand) -> None:
    project = stand.fresh()
    before = stand.all_files()
    options = options_of(project, stand.case)
    watched = Watched()
    project.runner(Work(watched)).plan(stand.case.stage, options)
    project.runner(Work(watched)).preview(stand.case.stage, options, force=stand.force)
    assert stand.all_files() == before
    assert not watched.open
    project.close()


@pytest.mark.parametrize("stop_at", [0, 1, 2], ids=["before", "first", "second"])
def test_a_stopped_run_leaves_the_project_as_it_was(stand: Stand, stop_at: int) -> None:
    stage = stand.case.stage
    project = stand.fresh()
    before = stand.files()
    watched = Watched(stop_at)
    if not stop_at:
        watched.token.cancel()
    try:
        stand.run(project, Work(watched, watched.token))
    except CancelledError:
        last = project.trail.events()[-1]
        assert last.reason_code == stage.cancelled_code
        assert last.run
        assert ends(stage, events_of(project, last.run)) == 1
        assert set(stand.files()) >= set(before)
    else:
        assert stop_at
        assert not stand.case.polls or not watched.token.requested
    assert not watched.open
    assert running_stages(project.paths) == []
    stand.run(project)
    assert project.trail.verify().intact
    project.close()


def test_a_foreign_exception_ends_the_run_once(stand: Stand) -> None:
    stage, project = stand.case.stage, stand.fresh()
    options = options_of(project, stand.case)
    watched = Watched()
    runner = Runner(
        project.paths, project.settings, project.trail, project.lock, Work(watched), engine=Broken()
    )
    with pytest.raises(StageError, match="the machine went away") as caught:
        runner.run(stage, options, force=stand.force)
    assert caught.value.next_command
    last = project.trail.events()[-1]
    assert last.reason_code == stage.failure_code
    assert last.payload["exception"] == "RuntimeError"
    assert last.run
    assert ends(stage, events_of(project, last.run)) == 1
    assert not watched.open
    assert running_stages(project.paths) == []
    stand.run(project)
    project.close()


def test_a_kill_at_any_step_leaves_a_project_that_continues(stand: Stand) -> None:
    project = stand.fresh()
    verdict = stand.run(project).reason_code or stand.case.stage.success_code
    expected = stand.files()
    project.close()

    def once() -> None:
        project = stand.open()
        stand.run(project)
        project.close()

    stand.fresh().close()
    steps = count_steps(stand.root, once)
    assert steps
    every = max(1, steps // 25)  # training takes hundreds
    for step in range(1, steps + 1, every):
        stand.fresh().close()
        killed_at(step, stand.root, once)
        project = stand.open()
        stand.run(project)
        assert running_stages(project.paths) == [], step
        runs = {event.run for event in project.trail.events() if event.reason_code == "stage_started"}
        for run in runs - {None}:
            events = events_of(project, str(run))
            begun = sum(event.reason_code == "stage_started" for event in events)
            ended = [event for event in events if event.reason_code in _final_codes(stand, str(run), verdict)]
            assert len(ended) == begun, (step, run, [event.reason_code for event in events])
        assert project.trail.verify().intact, step
        assert stand.files() == expected, step
        project.close()


def _final_codes(stand: Stand, run: str, verdict: str) -> set[str]:
    """Codes of events that end a run; a run of the stage itself may end in a verdict."""
    stage = stand.case.stage
    own = run.startswith(f"{stage.run_prefix or stage.name}-")
    succeeded = {verdict} if own else {each.stage.success_code for each in EVERY_CASE.values()}
    return succeeded | {stage.failure_code, stage.cancelled_code} | _ENDS
