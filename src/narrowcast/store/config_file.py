"""Reading and writing `narrowcast.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from narrowcast.core.config import ProjectConfig
from narrowcast.core.stage import StageOptions
from narrowcast.core.suggest import did_you_mean
from narrowcast.errors import UsageError
from narrowcast.store.files import write_text

Options = TypeVar("Options", bound=StageOptions)

_HEADER = "# A narrowcast project: `narrowcast run` takes it from its sources to a proven bundle.\n"


def load_config(path: Path) -> ProjectConfig:
    """Parse and check the file.

    Raises:
        UsageError: if it is missing, not YAML or not a project; all mistakes are named together.
    """
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(
            "there is no project configuration", where=str(path), next_command="narrowcast init NAME"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"the configuration is not YAML: {error}", where=str(path)) from error
    try:
        return ProjectConfig.model_validate(value)
    except ValidationError as error:
        raise UsageError(
            describe_mistakes(error), where=str(path), next_command="correct the file, then run it again"
        ) from error


def save_config(path: Path, config: ProjectConfig) -> None:
    """Write the file, leaving out defaults.

    Of a file that exists, only the lines change whose values do; the user's comments, order and quoting stay.
    """
    before = read_exactly(path) if path.exists() else ""
    after = _changed(before, config) if before else _written(config)
    if after != before:
        write_text(path, after)


def read_exactly(path: Path) -> str:
    """The text of the file with its line ends as they are."""
    return path.read_bytes().decode("utf-8")


def _changed(before: str, config: ProjectConfig) -> str:
    """The text with the values of `config`.

    Where an entry is written in a form that cannot be changed in place, it alone is written anew; where even
    that is not what was meant, the whole file is.
    """
    from narrowcast.store.config_edit import CannotEdit, edited  # not needed to read a configuration

    try:
        old = ProjectConfig.model_validate(yaml.safe_load(before))
    except (yaml.YAMLError, ValidationError):
        return _written(config)
    if old == config:
        return before
    for whole_entries in (False, True):
        try:
            text = edited(before, _plain(old), _plain(config), whole_entries=whole_entries)
            if ProjectConfig.model_validate(yaml.safe_load(text)) == config:
                return text
        except (CannotEdit, yaml.YAMLError, ValidationError):
            continue
    return _written(config)


def _written(config: ProjectConfig) -> str:
    return _HEADER + yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True, width=100)


def _plain(config: ProjectConfig) -> dict[str, Any]:
    value: dict[str, Any] = {"api_version": config.api_version, "kind": config.kind}
    return value | config.model_dump(mode="json", exclude_defaults=True)


def read_options(
    path: Path,
    section: str,
    model: type[Options],
    overrides: dict[str, Any] | None = None,
    *,
    command: str = "",
) -> Options:
    """The options of a stage: defaults, then the section of `narrowcast.yaml`, then `overrides`.

    Args:
        path: of `narrowcast.yaml`.
        section: its section.
        model: of the options.
        overrides: given on the command line or in code.
        command: the words of the command, for messages; the section's name by default.

    Raises:
        UsageError: one error names every unknown option and every wrong value.
    """
    words = command or section
    try:
        return model.model_validate(model.combined(load_config(path).stage_options(section), overrides or {}))
    except ValidationError as error:
        raise UsageError(
            f"wrong options: {describe_mistakes(error, model)}",
            where=f"{section} in {path.name} or on the command line",
            next_command=f"narrowcast {words} --help",
        ) from error


def describe_mistakes(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """All faults of a validation in one sentence, each with its place.

    Args:
        error: what pydantic raised.
        model: whose fields are suggested for an unknown name.
    """
    faults = []
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"])
        near = did_you_mean(place, model.model_fields) if model and fault["type"] == "extra_forbidden" else ""
        message = fault["msg"].lower().removeprefix("value error, ")
        faults.append(f"{place}: {message}{near}" if place else message)
    return "; ".join(faults)
