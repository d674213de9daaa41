"""The search space: options of a training run, each with a range or a choice of values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from narrowcast.errors import UsageError
from narrowcast.store.config_file import describe_mistakes
from narrowcast.training.options import Options

# Options that say what a trial is, not how it trains, or that the search sets itself.
_NOT_VARIED = {
    "seed", "select_by", "select_rows", "eval_every", "early_stopping", "checkpoint_every",
    "checkpoint_minutes", "time_limit_minutes", "budget_minutes", "preflight", "probe_steps",
}  # fmt: skip
_DIGITS = 3  # of a number that was tried; more would only look exact


class Dimension(BaseModel):
    """One option that is varied: between `low` and `high`, or among `values`.

    Attributes:
        log: the range is tried evenly on a logarithmic scale.
        relative: numbers multiply the recipe's own value.
        tasks: the profiles it is varied for; empty is all.
    """

    model_config = ConfigDict(extra="forbid")

    low: float | None = None
    high: float | None = None
    log: bool = False
    relative: bool = False
    values: list[bool | int | float | str | None] = Field(default_factory=list)
    tasks: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_kind(self) -> Dimension:
        if bool(self.values) == (self.low is not None and self.high is not None):
            raise ValueError("takes either low and high, or values")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError("low must be below high")
        if self.log and (self.low or 0) <= 0:
            raise ValueError("a logarithmic range begins above 0")
        return self

    def ends(self) -> list[Any]:
        """Every value, or both ends of the range."""
        return self.values or [self.low, self.high]

    def start(self, default: Any) -> Any:
        """Where the first trial stands: at the recipe's own value, or the nearest there is."""
        if self.values:
            return default if default in self.values else self.values[0]
        assert self.low is not None
        assert self.high is not None
        value = 1.0 if self.relative or not isinstance(default, int | float) else float(default)
        return min(max(value, self.low), self.high)

    def settle(self, tried: Any, default: Any) -> Any:
        """The option's value for a tried point; `default` is the recipe's own."""
        if self.values:
            return tried
        value = tried * default if self.relative else tried
        if isinstance(default, int) and not isinstance(default, bool):
            return max(1, round(value))
        return float(f"{value:.{_DIGITS}g}")


Space = dict[str, Dimension]


@cache
def default_spaces() -> dict[str, Space]:
    """The spaces of `spaces.yaml`, by training method."""
    text = files("narrowcast.experiments.search").joinpath("spaces.yaml").read_text(encoding="utf-8")
    return {
        method: {name: Dimension.model_validate(each) for name, each in space.items()}
        for method, space in yaml.safe_load(text)["spaces"].items()
    }


def read_space(path: Path) -> Space:
    """A space of the user's own: a YAML file, option name to dimension.

    Raises:
        UsageError: if it cannot be read, or is no such file.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError("the search space cannot be read", where=f"{path}: {error}") from error
    if not isinstance(content, dict) or not content:
        raise UsageError("a search space is a YAML mapping of option names", where=str(path))
    return {str(name): _dimension(str(name), each, str(path)) for name, each in content.items()}


def read_vary(ranges: Mapping[str, str]) -> Space:
    """Option to `low..high`, `low..high:log` or `a,b,c`; `0.5x..2x` multiplies the recipe's own value.

    Raises:
        UsageError: for another form.
    """
    return {name.replace("-", "_"): _read_range(name, text) for name, text in ranges.items()}


def _read_range(name: str, value: str) -> Dimension:
    range_, colon, scale = value.partition(":")
    low, dots, high = range_.partition("..")
    if dots and (not colon or scale == "log"):
        relative = low.endswith("x") and high.endswith("x")
        ends = (
            {"low": low.removesuffix("x"), "high": high.removesuffix("x")}
            if relative
            else {"low": low, "high": high}
        )
        given: Any = {**ends, "log": bool(colon), "relative": relative}
    else:
        given = {"values": [yaml.safe_load(part) for part in value.split(",") if part]}
    return _dimension(name, given, f"{name}={value}")


def check_space(space: Space, fixed: dict[str, Any]) -> None:
    """Try every end of every dimension on the options model.

    Raises:
        UsageError: names every dimension that cannot be varied.
    """
    mistakes = []
    for name, dimension in space.items():
        if name not in Options.model_fields or name in _NOT_VARIED:
            mistakes.append(f"{name} cannot be varied")
            continue
        for value in [] if dimension.relative else dimension.ends():
            try:
                Options.model_validate({**fixed, name: value})
            except ValidationError as error:
                mistakes.append(f"{name}={value}: {describe_mistakes(error)}")
    if mistakes or not space:
        raise UsageError(
            f"wrong search space: {'; '.join(mistakes) or 'nothing is left to vary'}",
            next_command="narrowcast search --vary learning_rate=1e-4..1e-2:log",
        )


def _dimension(name: str, given: Any, where: str) -> Dimension:
    try:
        return Dimension.model_validate(given)
    except ValidationError as error:
        raise UsageError(f"wrong search space: {name}: {describe_mistakes(error)}", where=where) from error
