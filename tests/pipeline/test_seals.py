"""The hash of what a stage writes is noted before the file is there, so that no kill looks like an edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from narrowcast.core.stage import StageContext, StageDefinition, StageInputs, StageOptions, StageResult
from narrowcast.errors import StageError, WorkspaceError
from narrowcast.pipeline.lifecycle import Lifecycle
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.files import sha256_file, write_text
from narrowcast.store.seals import WRITTEN, require_unedited, sealed, write_sealed


class Options(StageOptions):
    text: str = "one"
    fails: bool = False


def _run(_: StageInputs, options: Options, ctx: StageContext) -> StageResult:
    write_sealed(ctx.project.root / "result.txt", options.text, ctx.seal)
    if options.fails:
        ctx.seal({ctx.project.root / "never.txt": "0" * 64})
        raise StageError("it failed", reason_code="prepare_failed")
    return StageResult(artifacts=["result.txt"])


STAGE: StageDefinition[StageInputs, Options, StageResult] = StageDefinition(
    name="write",
    event_stage=StageName.PREPARE,
    options=Options,
    result=StageResult,
    read_inputs=lambda options, ctx: StageInputs(),
    run=_run,
    success_code="prepare_run",
    failure_code="prepare_failed",
)


@pytest.fixture
def result(project: Project) -> Path:
    project.runner().run(STAGE, Options())
    return project.paths.root / "result.txt"


def killed_before_its_event(project: Project, path: Path, digest: str) -> None:
    """A run that noted a file and ended without a word, as `kill -9` ends it."""
    lifecycle = Lifecycle(project.trail, project.paths, STAGE, leads=True)
    lifecycle.started("write-0000000000", None, "2026-01-01T00:00:00+00:00", "forced")
    lifecycle.seal({path: digest})


def test_the_last_event_names_what_was_written(project: Project, result: Path) -> None:
    event = project.trail.events()[-1]
    record = project.paths.stage_records / "write.json"
    assert event.payload[WRITTEN] == {
        "result.txt": sha256_file(result),
        project.paths.relative(record): sha256_file(record),
    }
    assert project.trail.verify().files == 2
    known = sealed(project.paths, result)
    assert known is not None
    assert known.event == event.seq


def test_a_failed_stage_names_what_it_has_written_and_no_more(project: Project, result: Path) -> None:
    with pytest.raises(StageError):
        project.runner().run(STAGE, Options(text="two", fails=True))
    assert project.trail.events()[-1].payload[WRITTEN] == {"result.txt": sha256_file(result)}
    assert project.trail.verify().intact


def test_a_kill_after_the_file_was_written_does_not_look_like_an_edit(project: Project, result: Path) -> None:
    write_text(result.with_name("new"), "killed")
    killed_before_its_event(project, result, sha256_file(result.with_name("new")))
    result.with_name("new").replace(result)
    assert project.trail.verify().intact
    require_unedited(project.paths, result)
    project.runner().run(STAGE, Options(text="three"))
    interrupted = next(e for e in project.trail.events() if e.reason_code == "stage_interrupted")
    assert set(interrupted.payload[WRITTEN]) == {"result.txt"}
    assert project.trail.verify().intact


def test_a_kill_before_the_file_was_written_does_not_look_like_an_edit(
    project: Project, result: Path
) -> None:
    killed_before_its_event(project, result, "0" * 64)
    assert project.trail.verify().intact
    require_unedited(project.paths, result)


def test_a_kill_does_not_cover_an_edit(project: Project, result: Path) -> None:
    """What the killed run had noted is another content than what is there."""
    killed_before_its_event(project, result, "0" * 64)
    result.write_text("edited")
    with pytest.raises(WorkspaceError, match="was edited or replaced"):
        require_unedited(project.paths, result)
    project.runner().run(STAGE, Options(text="one"))
    (problem,) = project.trail.verify().problems
    assert problem.startswith("result.txt was edited")


def test_an_edited_record_makes_its_stage_stale(project: Project, result: Path) -> None:
    assert project.runner().plan(STAGE, Options()).stale_because == ""
    record = project.paths.stage_records / "write.json"
    record.write_text(record.read_text().replace("result.txt", "other.txt"))
    assert project.runner().plan(STAGE, Options()).stale_because == "its record was edited"
