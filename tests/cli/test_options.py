"""A request becomes a command, and nothing is stated twice."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from narrowcast.cli.options import request_command
from narrowcast.core.request import CommandLine, Request, StageRequest
from narrowcast.core.stage import StageOptions
from narrowcast.errors import UsageError
from tests.support.cli import Cli


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Options(StageOptions):
    epochs: int = Field(3, ge=1)
    """Passes over the rows."""
    rate: float | None = None
    """Learning rate."""
    method: Literal["lora", "full"] = "lora"
    """How."""
    formats: list[str] = Field(default_factory=lambda: ["q8_0"])
    """What to write."""
    shuffle: bool = True
    """Whether to shuffle."""


class Bake(StageRequest):
    """Bake."""

    options_model = "options_under_test:Options"

    locator: Annotated[str, CommandLine("--locator", "-l", metavar="SCHEME:PATH")]
    """Where the rows are."""
    models: Annotated[list[str], CommandLine(positional=True, metavar="MODEL")] = Field(default_factory=list)
    """What to bake."""
    fields: Annotated[dict[str, str], CommandLine("--map", commas=True)] = Field(default_factory=dict)
    """FIELD=COLUMN."""
    where: dict[str, str] = Field(default_factory=dict)
    """Conditions."""
    ids: Annotated[list[str], CommandLine("--id")] = Field(default_factory=list)
    """Rows."""
    colour: Colour | None = None
    """Of the crust."""
    output: Path | None = None
    """Where to write."""
    worker: bool = True
    """Start a worker."""
    secret: Annotated[str, CommandLine(hidden=True)] = ""
    """For Python alone."""


class Show(Request):
    """Show."""

    row: Annotated[str, CommandLine(positional=True)]
    """The row."""
    limit: int = Field(10, ge=1)
    """Show at most N rows."""


REQUESTS: list[Any] = []


@request_command
def show(request: Show) -> None:
    """A command without a stage."""
    REQUESTS.append(request)


@pytest.fixture
def bake(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    import sys

    monkeypatch.setitem(sys.modules, "options_under_test", sys.modules[__name__])

    @request_command
    def command(
        request: Bake, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False
    ) -> None:
        """A command."""
        REQUESTS.append((request, as_json))

    application = typer.Typer(rich_markup_mode=None)
    application.command()(command)
    return application


def call(application: typer.Typer, arguments: list[str]) -> Any:
    REQUESTS.clear()
    done = CliRunner().invoke(application, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return REQUESTS[-1]


def test_only_what_was_given_is_in_the_request(bake: typer.Typer) -> None:
    request, as_json = call(bake, ["-l", "csv:a.csv"])
    assert request.options == {}
    assert request.model_fields_set == {"locator", "options"}
    assert not as_json


def test_every_kind_of_option(bake: typer.Typer) -> None:
    arguments = (
        "m1 m2 --locator csv:a.csv --epochs 2 --rate 0.1 --method full --formats f16,q4_k_m --no-shuffle "
        "--map text=body,label=kind --map id=no --where city=Bonn,Köln --id a:1 --id b:2 --colour blue "
        "--output x.jsonl --no-worker --force --set rate=0.2 --json"
    )
    request, as_json = call(bake, arguments.split())
    assert request == Bake(
        locator="csv:a.csv",
        models=["m1", "m2"],
        fields={"text": "body", "label": "kind", "id": "no"},
        where={"city": "Bonn,Köln"},
        ids=["a:1", "b:2"],
        colour=Colour.BLUE,
        output=Path("x.jsonl"),
        worker=False,
        force=True,
        options={
            "epochs": 2, "rate": 0.2, "method": "full", "formats": ["f16", "q4_k_m"], "shuffle": False,
        },
    )  # fmt: skip
    assert as_json


def test_one_error_names_every_mistake(bake: typer.Typer) -> None:
    arguments = "--epochs many --method half --colour green --map text --set formats=3 --set oven=1 --set x"
    with pytest.raises(UsageError) as caught:
        call(bake, arguments.split())
    for part in ("--locator", "epochs", "method", "colour", "--map", "formats", "oven", "--set takes"):
        assert part in caught.value.what, part
    assert caught.value.next_command.endswith("--help")


@pytest.mark.parametrize(
    "line", ["baseline --models %s", "baseline --models [a", "eval --gates {", "export --formats @"]
)
def test_a_list_that_is_not_yaml_is_a_mistake(line: str, cli: Cli) -> None:
    said = cli(*line.split(), code=2).stderr
    assert f"{line.split()[-1]!r} is not valid YAML" in said


def test_a_seed_that_is_too_large_is_a_mistake(cli: Cli) -> None:
    assert "seed: input should be less than" in cli("train", "--seed", "9" * 23, code=2).stderr


@pytest.mark.parametrize(  # of a stage, and of none
    ("command", "option"), [("prepare", "--seed"), ("data dedupe", "--similarity")]
)
def test_an_error_leads_to_the_help_of_its_command(command: str, option: str, cli: Cli) -> None:
    said = cli(*command.split(), option, "many", code=2).stderr
    assert f"(narrowcast {command})" in said
    assert f"next: narrowcast {command} --help" in said


def test_a_request_without_a_stage() -> None:
    application = typer.Typer(rich_markup_mode=None)
    application.command()(show)
    assert call(application, ["a:1", "--limit", "3"]) == Show(row="a:1", limit=3)
    with pytest.raises(UsageError, match="limit: input should be greater than or equal to 1"):
        call(application, ["a:1", "--limit", "0"])


def test_help_comes_from_the_fields(bake: typer.Typer) -> None:
    text = " ".join(CliRunner().invoke(bake, ["--help"], env={"COLUMNS": "200"}).output.split())
    for part in (
        "Passes over the rows",
        "lora, full",
        "default: 3",
        "SCHEME:PATH",
        "[MODEL]...",
        "red, blue",
    ):
        assert part in text, part
    assert "--secret" not in text


def test_the_schema_shows_the_options_of_the_stage(bake: typer.Typer) -> None:
    schema = Bake.model_json_schema()
    options = schema["properties"]["options"]["allOf"][0]
    if "$ref" in options:
        options = schema["$defs"][options["$ref"].rpartition("/")[2]]
    assert options["properties"]["epochs"]["description"] == "Passes over the rows."
