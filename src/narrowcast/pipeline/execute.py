"""What a request means for one stage: its options, and what a run with them would do."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, SerializeAsAny, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from narrowcast.core.request import CommandLine, StageRequest, load
from narrowcast.core.stage import NEEDS_YES, NEEDS_YES_IF, I, O, R, StageDefinition
from narrowcast.core.work import Work
from narrowcast.errors import UsageError
from narrowcast.pipeline.project import Project
from narrowcast.store.config_file import read_options


class StagePreview(BaseModel):
    """What a dry run of a stage says; nothing was written and no event recorded."""

    dry_run: bool = True
    stage: str
    run_id: str
    runs: bool
    """Whether a run would do anything."""
    reason: str
    options: dict[str, Any]
    outcome: SerializeAsAny[BaseModel] | None = None
    """What the stage itself found, where it can look without writing."""


def stage_options(
    project: Project, definition: StageDefinition[I, O, R], overrides: dict[str, Any] | None = None
) -> O:
    """The stage's options: defaults, then `narrowcast.yaml`, then `overrides`.

    Raises:
        UsageError: one error names every unknown option and every wrong value.
    """
    refuse_unasked_code(project, definition, overrides or {})
    return read_options(
        project.paths.config, definition.name, definition.options, overrides, command=definition.words
    )


def refuse_unasked_code(
    project: Project,
    definition: StageDefinition[Any, Any, Any],
    given: dict[str, Any],
    section: str | None = None,
) -> None:
    """A project may be a copy of somebody else's, so its file alone gets no code run and no row sent away.

    Raises:
        UsageError: if an option in `narrowcast.yaml` needs a yes and the request does not say it again.
    """
    configured = project.config.stage_options(section or definition.name)
    for name, field in definition.options.model_fields.items():
        meant = _needs_yes(field, configured.get(name))
        if meant and name not in given:
            value = ",".join(meant) if isinstance(meant, list) else meant
            raise UsageError(
                f"the configuration {_extra(field)[NEEDS_YES]}: {name}: {value}",
                where=str(project.paths.config),
                next_command="look at it; if it may, say it on the command line: narrowcast "
                f"{definition.words} {_written(name, field, value)}",
            )


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _needs_yes(field: FieldInfo, value: Any) -> Any:
    """The part of a configured value that the command line has to repeat; something false where none is."""
    extra = _extra(field)
    if NEEDS_YES not in extra or not value:
        return None
    if field.annotation is bool:
        return _is_true(value)
    return load(extra[NEEDS_YES_IF])(value) if NEEDS_YES_IF in extra else value


def _is_true(value: Any) -> bool:
    """As validation reads it, which refuses what is neither: `1` and `on` are true."""
    try:
        return TypeAdapter(bool).validate_python(value)
    except ValidationError:
        return False


def _written(name: str, field: FieldInfo, value: Any) -> str:
    """The option as it is written on the command line."""
    if any(isinstance(each, CommandLine) and each.positional for each in field.metadata):
        return str(value)
    option = f"--{name.replace('_', '-')}"
    return option if value is True else f"{option} {value}"


def run_options(project: Project, definition: StageDefinition[I, O, R], request: StageRequest) -> O:
    """The options with which a request runs a stage.

    Raises:
        UsageError: for wrong options, or a dry run, which `preview_stage` does.
    """
    if request.dry_run:
        raise UsageError(
            f"{definition.words} was asked for a dry run, which has a result of its own",
            next_command=f"narrowcast {definition.words} --dry-run",
        )
    return stage_options(project, definition, request.options)


def preview_stage(
    project: Project, definition: StageDefinition[I, O, R], request: StageRequest, work: Work | None = None
) -> StagePreview:
    """What a run would do, without doing it; raises what the run would, as far as can be known before."""
    options = stage_options(project, definition, request.options)
    planned = project.runner(work).plan(definition, options)
    reason = planned.stale_because or ("forced" if request.force else "")
    outcome = project.runner(work).preview(definition, options, force=request.force) if reason else None
    return StagePreview(
        stage=definition.name,
        run_id=planned.run_id,
        runs=bool(reason),
        reason=reason or "up to date",
        options=options.model_dump(mode="json"),
        outcome=outcome,
    )
