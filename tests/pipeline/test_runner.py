"""The sole loop: fresh stages are skipped, stale ones run, failures leave their event and no record."""

from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from narrowcast.core.settings import Settings
from narrowcast.core.stage import StageContext, StageDefinition, StageInputs, StageOptions, StageResult
from narrowcast.core.work import Work
from narrowcast.errors import CancelledError, StageError, UsageError
from narrowcast.pipeline.project import Project
from narrowcast.reasons import StageName
from narrowcast.store.files import write_text
from narrowcast.store.stage_records import load_record


class Options(StageOptions):
    factor: int = 2


class Inputs(StageInputs):
    number: int


class Result(StageResult):
    product: int


RUNS: list[int] = []


def _read_inputs(options: Options, ctx: StageContext) -> Inputs:
    return Inputs(number=int((ctx.project.root / "number").read_text()))


def _run(inputs: Inputs, options: Options, ctx: StageContext) -> Result:
    RUNS.append(inputs.number)
    if inputs.number < 0:
        raise StageError("negative", where="number", reason_code="prepare_failed")
    write_text(ctx.project.root / "product", str(inputs.number * options.factor))
    return Result(product=inputs.number * options.factor, artifacts=["product"], summary="multiplied")


STAGE: StageDefinition[Any, Any, Result] = StageDefinition(
    name="multiply",
    event_stage=StageName.PREPARE,
    options=Options,
    result=Result,
    read_inputs=_read_inputs,
    run=_run,
    success_code="prepare_run",
    failure_code="prepare_failed",
)


@pytest.fixture
def numbered(project: Project) -> Project:
    RUNS.clear()
    write_text(project.paths.root / "number", "21")
    return project


def _codes(project: Project) -> list[str | None]:
    return [event.reason_code for event in project.trail.events()][1:]


def test_a_fresh_stage_is_not_run_again(numbered: Project) -> None:
    first = numbered.runner().run(STAGE, Options())
    second = numbered.runner().run(STAGE, Options())
    assert first == second == Result(product=42, artifacts=["product"], summary="multiplied")
    assert RUNS == [21]
    assert _codes(numbered) == ["stage_started", "prepare_run"]


@pytest.mark.parametrize("change", ["input", "option", "artifact", "version", "force"])
def test_what_makes_a_stage_stale(numbered: Project, change: str) -> None:
    numbered.runner().run(STAGE, Options())
    options, definition = Options(), STAGE
    if change == "input":
        write_text(numbered.paths.root / "number", "22")
    elif change == "option":
        options = Options(factor=3)
    elif change == "artifact":
        (numbered.paths.root / "product").unlink()
    elif change == "version":
        import dataclasses

        definition = dataclasses.replace(STAGE, version=2)
    numbered.runner().run(definition, options, force=change == "force")
    assert len(RUNS) == 2


def test_a_failure_is_an_event_and_keeps_the_old_record(numbered: Project) -> None:
    numbered.runner().run(STAGE, Options())
    write_text(numbered.paths.root / "number", "-1")
    with pytest.raises(StageError):
        numbered.runner().run(STAGE, Options())
    assert _codes(numbered)[-1] == "prepare_failed"
    record = load_record(numbered.paths, "multiply")
    assert record is not None
    assert record.result["product"] == 42


def test_run_ids_are_content_addresses(numbered: Project) -> None:
    one = numbered.runner().plan(STAGE, Options())
    assert one.run_id == numbered.runner().plan(STAGE, Options()).run_id
    assert one.run_id != numbered.runner().plan(STAGE, Options(factor=3)).run_id


def test_a_cancelled_pipeline_stops_before_the_next_stage(numbered: Project) -> None:
    from narrowcast.core.progress import CancelToken

    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        numbered.runner(Work(cancel=token)).run_all([(STAGE, Options())])
    assert RUNS == []


def test_several_processes_are_refused_unless_the_stage_shares(
    numbered: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    before = _codes(numbered)
    with closing(Project.open(Settings.from_environment(), numbered.slug)) as second:
        with pytest.raises(UsageError, match="one of 2"):
            second.runner().run(STAGE, Options())
        result = second.runner().run(replace(STAGE, shared=True), Options())
    assert result.product == 21 * Options().factor
    assert _codes(numbered) == before  # the first process tells and records
    assert not (numbered.paths.stage_records / "multiply.json").exists()
