"""Stage options become command-line options, and nothing is stated twice."""

from typing import Any, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from narrowcast.cli.options import parse_settings, stage_options
from narrowcast.core.stage import StageOptions
from narrowcast.errors import UsageError


class Options(StageOptions):
    epochs: int = 3
    """Passes over the rows."""
    rate: float | None = None
    """Learning rate."""
    method: Literal["lora", "full"] = "lora"
    """How."""
    formats: list[str] = Field(default_factory=lambda: ["q8_0"])
    """What to write."""
    shuffle: bool = True
    """Whether to shuffle."""


SEEN: dict[str, Any] = {}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    import sys

    module = sys.modules[__name__]
    monkeypatch.setitem(sys.modules, "options_under_test", module)

    @stage_options("options_under_test:Options")
    def command(overrides: dict[str, Any]) -> None:
        """A command."""
        SEEN.clear()
        SEEN.update(overrides)

    made = typer.Typer()
    made.command()(command)
    return made


def test_only_what_was_given_overrides(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, []).exit_code == 0
    assert SEEN == {}


def test_every_kind_of_option(app: typer.Typer) -> None:
    arguments = (
        "--epochs 2 --rate 0.1 --method full --formats f16,q4_k_m --no-shuffle --set rate=0.2 --set x=[1]"
    )
    done = CliRunner().invoke(app, arguments.split())
    assert done.exit_code == 0, done.output
    assert SEEN == {
        "epochs": 2,
        "rate": 0.2,
        "method": "full",
        "formats": ["f16", "q4_k_m"],
        "shuffle": False,
        "x": [1],
    }


def test_help_comes_from_the_fields(app: typer.Typer) -> None:
    text = " ".join(CliRunner().invoke(app, ["--help"]).output.split())
    assert "Passes over the rows" in text
    assert "lora, full" in text
    assert "default 3" in text


def test_a_setting_needs_an_equals_sign() -> None:
    with pytest.raises(UsageError):
        parse_settings(["epochs"])
