"""The contract of a stage: one options model, one result, `run(inputs, options, ctx)`.

`read_inputs` loads what the stage depends on (its predecessor's manifest) as a typed model. The pipeline
hashes stage name, options and inputs: equal hash, equal result, so the stage is not run again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from narrowcast.core.concerns import WHOLE, Holds
from narrowcast.core.ledger import StageLedger
from narrowcast.core.paths import ProjectPaths
from narrowcast.core.progress import CancelToken, NullProgress, Progress
from narrowcast.core.seal import Seal, seal_nothing
from narrowcast.core.settings import Settings
from narrowcast.reasons import StageName

NEEDS_YES = "needs_yes"
"""Mark, in the `json_schema_extra` of an option that `narrowcast.yaml` alone cannot set: what it does."""
RUNS_CODE = "names code to be run"
NEEDS_YES_IF = "needs_yes_if"
"""Beside it, `module:function`: takes the value and returns the part of it that is meant."""


class StageOptions(BaseModel):
    """Base of every stage's options. Field descriptions become CLI help, API schema and UI form."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def combined(cls, configured: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """Values of `narrowcast.yaml`, and of a request over them."""
        return {**configured, **given}

    def identity(self) -> dict[str, Any]:
        """The values that decide the result; a run's id is made of them."""
        return self.model_dump(mode="json")

    def attempt(self) -> dict[str, Any]:
        """The values that name a run which failed before its inputs were known."""
        return self.identity()


class StageInputs(BaseModel):
    """Base of what a stage reads; its content decides whether the stage is stale."""

    model_config = ConfigDict(extra="forbid")

    parent: str | None = Field(default=None, exclude=True)
    """Run that produced the inputs, for events: an evaluation belongs to the training run it measures.
    Not part of the content."""


class StageResult(BaseModel):
    """Base of what a stage returns and the store keeps.

    Attributes:
        artifacts: files or folders written, relative to the project; the stage is stale when one is gone.
        ledger: the rows the stage took and gave, where it handles rows.
        summary: one line for people.
        payload: plain values for the stage's success event.
        reason_code: of that event, where it is not the stage's `success_code`.
    """

    artifacts: list[str] = Field(default_factory=list)
    ledger: StageLedger | None = None
    summary: str = ""
    payload: dict[str, Any] = Field(default_factory=dict)
    reason_code: str | None = Field(default=None, exclude=True)


class Emit(Protocol):
    """Appends an event of the running stage to the trail."""

    def __call__(self, reason_code: str, message: str, payload: dict[str, Any] | None = None) -> None:
        """Stage, run and actor are filled in by the runner."""


def _emit_nothing(reason_code: str, message: str, payload: dict[str, Any] | None = None) -> None:
    """For stages run by hand in tests and dry runs."""


class Watch(Protocol):
    """Called with the figures of each dev evaluation of a training run."""

    def __call__(self, number: int, figures: Mapping[str, float]) -> bool:
        """Args: number: of the evaluation, from 1; figures: its losses and scores. True ends the run."""


@dataclass(slots=True)
class StageContext:
    """What a stage may use besides its inputs and options."""

    project: ProjectPaths
    settings: Settings
    run_id: str = ""
    """Content address of this stage run (`exp-…` for training); equal inputs and options, equal id."""
    emit: Emit = _emit_nothing
    seal: Seal = seal_nothing
    """Takes the hash of each file that others will believe, before it gets its name."""
    progress: Progress = field(default_factory=NullProgress)
    cancel: CancelToken = field(default_factory=CancelToken)
    resume: bool = False
    """Continue from the last checkpoint instead of refusing to overwrite it."""
    force: bool = False
    """Run despite a check, and start over; a stage that does so emits an event."""
    watch: Watch | None = None
    """What follows a training run, and may end it."""


I = TypeVar("I", bound=StageInputs)  # noqa: E741 - inputs, options, result
O = TypeVar("O", bound=StageOptions)  # noqa: E741
R = TypeVar("R", bound=StageResult)


def _whole_project(inputs: Any, options: Any) -> str:  # noqa: ARG001 - the form of `StageDefinition.subject`
    """Most stages have one current result per project."""
    return ""


@dataclass(frozen=True, slots=True)
class StageDefinition(Generic[I, O, R]):
    """A stage as the pipeline sees it.

    Attributes:
        name: names the stage in records, run ids and `narrowcast.yaml`.
        event_stage: the stage name in events.
        read_inputs: reads what the stage depends on: predecessors' manifests, a source's content. Gets the
            context without `run_id` and `emit`, because planning and dry runs record nothing.
        run: does the work. Whatever it raises, the runner writes the terminal event.
        success_code: reason code of the success event, which the runner emits.
        failure_code: reason code of a failure whose error names none.
        cancelled_code: reason code of a run that was stopped on request.
        command: how the command line calls the stage, where that is not its name.
        doing: what progress calls it, where it is a part of several commands.
        run_prefix: what run ids begin with, where that is not the stage's name.
        subject: what a record is about, where a project has several results of the stage, such as one
            import per source. Each subject has a record of its own.
        keep_each: every run keeps its record, and one of them is current; otherwise the last one replaces it.
        preview: what a dry run shows; it writes nothing. Where None, a dry run shows the plan alone.
        always_runs: never taken from its record: it looks at what no input holds, such as the machine.
        version: raised when the stage's code changes what it would write.
        shared: several processes may run the stage together.
        holds: the concerns of a project that it changes and reads; others may work on the rest meanwhile.
    """

    name: str
    event_stage: StageName
    options: type[O]
    result: type[R]
    read_inputs: Callable[[O, StageContext], I]
    run: Callable[[I, O, StageContext], R]
    success_code: str
    failure_code: str
    cancelled_code: str = "system_cancelled"
    command: str = ""
    doing: str = ""
    run_prefix: str = ""
    subject: Callable[[I, O], str] = _whole_project
    keep_each: bool = False
    preview: Callable[[I, O, StageContext], BaseModel] | None = None
    always_runs: bool = False
    version: int = 1
    shared: bool = False
    holds: Holds = WHOLE

    @property
    def words(self) -> str:
        """The command-line words that run the stage."""
        return self.command or self.name
