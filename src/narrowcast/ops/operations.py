"""Every operation by name, as data, of which `narrowcast call` and the HTTP server are made.

An operation is a function `f(place, Request, work) -> Result` of a room below; the table names function and
request as text, so that reading it loads neither a stage nor a model. A new operation is one line here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, get_type_hints

from pydantic import TypeAdapter, ValidationError

from narrowcast.core.request import Request, StageRequest, load
from narrowcast.core.settings import Settings
from narrowcast.core.suggest import did_you_mean
from narrowcast.core.work import Work
from narrowcast.errors import UsageError
from narrowcast.pipeline.execute import preview_stage
from narrowcast.pipeline.project import Project


class Role(IntEnum):
    """Who may call an operation; each may do what those before it may."""

    VIEWER = 1
    """Reads."""
    EDITOR = 2
    """Changes a project."""
    OWNER = 3
    """Names folders of this machine, spends on the network, removes projects."""


Place = Literal["project", "workspace", "none"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        name: noun and verb, such as `data.import`.
        function: `module:function`.
        request: `module:class` of its request; empty where it takes none.
        place: what its first argument is.
        role: who may call it.
        is_long: whether it runs as a job where nobody waits.
        stage: `module:STAGE`, whose dry run previews it; empty where a dry run is the function's own affair.
    """

    name: str
    function: str
    request: str = ""
    place: Place = "project"
    role: Role = Role.EDITOR
    is_long: bool = False
    stage: str = ""

    def load_request(self) -> type[Request] | None:
        """The request model; None where the operation takes none."""
        model: type[Request] | None = load(self.request) if self.request else None
        return model

    def load_function(self) -> Any:
        """The function."""
        return load(self.function)

    def result_type(self) -> Any:
        """What the function returns, as its annotation says."""
        return get_type_hints(self.load_function())["return"]

    @property
    def named(self) -> list[str]:
        """Arguments besides place, request and work: what a path of the server carries."""
        names = list(inspect.signature(self.load_function()).parameters)
        return [name for name in names[self.place != "none" :] if name not in ("request", "work")]

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        lines = (inspect.getdoc(self.load_function()) or "").splitlines()
        return lines[0].rstrip(".") if lines else self.name


_OPS = "narrowcast.ops.requests"
_TRAINING = "narrowcast.experiments.requests"
_FACTORY = "narrowcast.factory.requests"
_HISTORY = "narrowcast.history"
_JOBS = "narrowcast.jobs"


def _op(name: str, function: str, request: str = "", place: Place = "project", **more: Any) -> Operation:
    return Operation(name, f"narrowcast.{function}", request, place, **more)


def _staged(name: str, function: str, request: str, stage: str) -> Operation:
    return _op(name, function, request, is_long=True, stage=f"narrowcast.stages.{stage}:STAGE")


_PROJECTS = (
    _op("projects.list", "ops.projects:list_projects", place="workspace", role=Role.VIEWER),
    _op(
        "projects.create", "ops.projects:create_project", f"{_OPS}:InitRequest", "workspace", role=Role.OWNER
    ),
    _op("projects.show", "ops.status:status", role=Role.VIEWER),
    _op("projects.rename", "ops.project_changes:rename", f"{_OPS}:RenameRequest", role=Role.OWNER),
    _op("projects.delete", "ops.project_changes:delete", f"{_OPS}:DeleteRequest", role=Role.OWNER),
    _op("projects.plan", "ops.plan:plan", f"{_OPS}:RunRequest", role=Role.VIEWER),
    _op("projects.run", "ops.run:run", f"{_OPS}:RunRequest", is_long=True),
)
_DATA = (
    _op("data.sources", "ops.sources:sources", place="none", role=Role.VIEWER),
    _op("data.mappers", "ops.sources:mappers", place="none", role=Role.VIEWER),
    _op("data.introspect", "ops.sources:introspect", "narrowcast.ops.sources:IntrospectRequest", "workspace"),
    _op("data.import", "ops.imports:import_rows", f"{_OPS}:ImportRequest", is_long=True),
    _op("data.imports", "ops.imports:imports", role=Role.VIEWER),
    _op("data.show_import", "ops.imports:find_import", role=Role.VIEWER),
    _op("data.remove_import", "ops.imports:remove_import"),
    _op("data.ledger", "ops.ledger:ledger", role=Role.VIEWER),
    _op("data.clean", "ops.clean:clean", f"{_OPS}:CleanRequest", is_long=True),
    _op("data.cleanings", "ops.clean:cleanings", role=Role.VIEWER),
    _op(
        "data.dedupe",
        "duplicates.dedupe:dedupe",
        "narrowcast.duplicates.requests:DedupeRequest",
        is_long=True,
    ),
    _op(
        "data.leakage",
        "duplicates.leakage:leakage",
        "narrowcast.duplicates.requests:LeakageRequest",
        is_long=True,
    ),
    _op("data.versions", "history.versions:versions", role=Role.VIEWER),
    _op("data.diff", "history.diff:diff", f"{_HISTORY}.requests:DiffRequest", role=Role.VIEWER),
    _op("data.lineage", "history.lineage:lineage", f"{_HISTORY}.requests:LineageRequest", role=Role.VIEWER),
    _op("data.forget", "history.forget:forget", f"{_HISTORY}.requests:ForgetRequest", role=Role.OWNER),
    _op("data.generations", "ops.generations:generations", role=Role.VIEWER),
    _staged("data.generate", "ops.generations:generate", f"{_FACTORY}:GenerateRequest", "generate"),
    _staged("data.gate", "ops.generations:gate", f"{_FACTORY}:GateRequest", "gate"),
    _staged("data.judge", "ops.generations:judge", f"{_FACTORY}:JudgeRequest", "judge"),
    _staged("data.balance", "ops.generations:balance", f"{_FACTORY}:BalanceRequest", "balance"),
)
_MODELS = (
    _staged("prepare.run", "ops.prepare:prepare", f"{_OPS}:PrepareRequest", "prepare"),
    _op("prepare.show", "ops.prepare:current_dataset", role=Role.VIEWER),
    _staged("baselines.run", "ops.evaluate:baseline", f"{_OPS}:BaselineRequest", "baseline"),
    _op("training.preflight", "ops.preflight:preflight", f"{_OPS}:PreflightRequest", is_long=True),
    _staged("training.run", "ops.run:train_or_all", f"{_TRAINING}:OneClickRequest", "train"),
    _op("training.seeds", "experiments.seeds:train_seeds", f"{_TRAINING}:SeedsRequest", is_long=True),
    _op("training.search", "experiments.search.run:search", f"{_TRAINING}:SearchRequest", is_long=True),
    _op("runs.list", "ops.train:runs", role=Role.VIEWER),
    _op("runs.interrupted", "ops.train:interrupted", role=Role.VIEWER),
    _op("runs.show", "ops.show_run:show_run", f"{_OPS}:RunViewRequest", role=Role.VIEWER),
    _op("runs.discard", "ops.train:discard", f"{_OPS}:DiscardRequest"),
    _op("runs.rerun", "experiments.rerun:rerun", f"{_TRAINING}:RerunRequest", is_long=True),
    _staged("evaluation.run", "ops.evaluate:evaluate", f"{_OPS}:EvaluateRequest", "evaluate"),
    _op("evaluation.compare", "ops.evaluate:compare", f"{_OPS}:CompareRequest", is_long=True),
    _op("evaluation.summary", "ops.summary:summarise", role=Role.VIEWER),
    _staged("exports.run", "ops.export:export", f"{_OPS}:ExportRequest", "export"),
    _op("exports.parity", "ops.export:parity", f"{_OPS}:ParityRequest", is_long=True),
)
_WORKSPACE = (
    _op("models.list", "ops.models:list_models", place="workspace", role=Role.VIEWER),
    _op("models.show", "ops.models:show_model", f"{_OPS}:ModelRequest", "workspace", role=Role.VIEWER),
    _op("jobs.list", "jobs.control:jobs", f"{_JOBS}.requests:JobsRequest", "workspace", role=Role.VIEWER),
    _op("jobs.show", "jobs.control:show", f"{_JOBS}.requests:JobIdRequest", "workspace", role=Role.VIEWER),
    _op("jobs.stop", "jobs.control:stop", f"{_JOBS}.requests:StopRequest", "workspace"),
    _op("jobs.resume", "jobs.control:resume", f"{_JOBS}.requests:ResumeRequest", "workspace"),
    _op("jobs.log", "jobs.logs:read_log", f"{_JOBS}.requests:JobIdRequest", "workspace", role=Role.VIEWER),
    _op("plugins.list", "ops.plugins:plugins", place="none", role=Role.VIEWER),
)

OPERATIONS: Mapping[str, Operation] = {
    each.name: each for each in (*_PROJECTS, *_DATA, *_MODELS, *_WORKSPACE)
}


def find_operation(name: str) -> Operation:
    """The operation of a name.

    Raises:
        UsageError: if there is none.
    """
    if name not in OPERATIONS:
        raise UsageError(
            f"there is no operation {name!r}{did_you_mean(name, OPERATIONS)}",
            next_command="narrowcast call",
        )
    return OPERATIONS[name]


def request_of(operation: Operation, given: Mapping[str, Any]) -> Request | None:
    """The validated request of an operation.

    Raises:
        UsageError: names every mistake.
    """
    model = operation.load_request()
    if model is None:
        if given:
            raise UsageError(f"{operation.name} takes no options", where=", ".join(given))
        return None
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise UsageError("; ".join(map(_mistake, error.errors())), where=operation.name) from error


def call(
    operation: Operation,
    settings: Settings,
    project: str | None,
    request: Request | None,
    work: Work | None = None,
    named: Mapping[str, str] | None = None,
) -> Any:
    """Call an operation; a dry run of a stage says what a run would do.

    Args:
        operation: from `OPERATIONS`.
        settings: of the workspace.
        project: number, slug or folder, for operations on a project; None takes the current one.
        request: from `request_of`.
        work: progress and cancellation.
        named: the arguments that `operation.named` lists.

    Raises:
        NarrowcastError: what the operation raises.
    """
    function = operation.load_function()
    accepted = inspect.signature(function).parameters
    arguments: dict[str, Any] = {**(named or {})}
    if request is not None:
        arguments["request"] = request
    if "work" in accepted:
        arguments["work"] = work
    with _place(operation, settings, project) as places:
        if operation.stage and isinstance(request, StageRequest) and request.dry_run:
            return preview_stage(places[0], load(operation.stage), request, work)
        return function(*places, **arguments)


def as_json(operation: Operation, result: Any) -> Any:
    """A result as plain JSON values."""
    return TypeAdapter(operation.result_type()).dump_python(result, mode="json", serialize_as_any=True)


@contextmanager
def _place(operation: Operation, settings: Settings, project: str | None) -> Iterator[list[Any]]:
    if operation.place == "project":
        with Project.open(settings, project) as opened:
            yield [opened]
    else:
        yield [settings] if operation.place == "workspace" else []


def _mistake(fault: Any) -> str:
    place = ".".join(map(str, fault["loc"]))
    text = str(fault["msg"]).removeprefix("Value error, ")
    return f"{place}: {text[:1].lower()}{text[1:]}" if place else text
