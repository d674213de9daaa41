"""`--help`: read from one file, equal to what typer knows of the commands, and readable at any width."""

import json
import os
import pty
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from narrowcast.cli.commands import COMMANDS
from narrowcast.cli.help import FILE, Page, help_text, requested_help
from narrowcast.cli.root import app, load_command
from narrowcast.jobs.control import COMMANDS as JOBS
from tests.support.cli import Cli, command_line

TOOL = Path(__file__).parents[2] / "tools" / "help_pages.py"
PAGES: dict[str, Page] = json.loads(FILE.read_text(encoding="utf-8"))
# What no help may load: what makes typer slow, and what a command needs when it runs.
HEAVY = {
    "typer", "click", "rich", "pydantic", "yaml", "dataclasses", "inspect", "torch", "transformers", "peft",
    "sklearn", "matplotlib", "polars", "numpy", "fastapi", "alembic",
}  # fmt: skip


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(TOOL.parent)
    return runpy.run_path(str(TOOL))


def test_the_file_is_what_the_commands_say(tool: dict[str, Any]) -> None:
    assert FILE.read_text(encoding="utf-8") == tool["render"](tool["pages"]()), (
        "run: python tools/help_pages.py"
    )


def test_a_stale_file_fails_the_check(
    tool: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "help.json"
    stale.write_text(FILE.read_text(encoding="utf-8").replace("Peak learning rate", "Rate"), encoding="utf-8")
    monkeypatch.setitem(tool["main"].__globals__, "FILE", stale)
    monkeypatch.setattr(sys, "argv", ["help_pages.py", "--check"])
    assert tool["main"]() == 1
    assert "run python tools/help_pages.py" in capsys.readouterr().out


def _live() -> Iterator[tuple[str, Any]]:
    """Every command as typer has it, by its names; that of the root is empty."""
    yield "", get_command(app)
    todo = [(name, load_command(name)) for name in COMMANDS]
    while todo:
        path, command = todo.pop()
        yield path, command
        todo += [(f"{path} {name}", each) for name, each in getattr(command, "commands", {}).items()]


LIVE = dict(_live())


@pytest.mark.parametrize("path", LIVE)
def test_a_page_says_what_typer_knows(path: str) -> None:
    command, page = LIVE[path], PAGES[path]
    assert " ".join(page["about"]) == " ".join((command.help or "").split())
    rows = {section["title"]: list(section["rows"]) for section in page["sections"]}
    job = [each for each in rows["Options"] if each["label"] == "--job"]
    assert bool(job) is (path.split()[:1] != [] and path.split()[0] in JOBS and not page["commands"])
    rows["Options"] = [each for each in rows["Options"] if each not in job]
    parameters = command.get_params(command.context_class(command))
    for parameter in parameters:
        row = rows["Options" if parameter.param_type_name == "option" else "Arguments"].pop(0)
        names = [parameter.metavar or parameter.name.upper()]
        if parameter.param_type_name == "option":
            takes_value = not parameter.is_flag
            names = [*parameter.opts, *parameter.secondary_opts]
            assert row["label"].endswith(f" {parameter.metavar}") is takes_value
            assert {name: page["options"].get(name, False) for name in names} == dict.fromkeys(
                names, takes_value
            )
        assert set(names) <= set(row["label"].replace(",", " ").split())
        said = f"{row['text']} [{'; '.join(row['notes'])}]" if row["notes"] else row["text"]
        assert said.startswith(" ".join((parameter.help or "").split()).rstrip("]"))
        assert ("required" in row["notes"]) >= parameter.required
    assert not rows.pop("Options")
    assert not rows.pop("Arguments", [])
    below = {row["label"]: row["text"] for section in rows.values() for row in section}
    assert list(page["commands"]) == list(getattr(command, "commands", {}))
    assert set(below) == set(page["commands"])
    for name, text in below.items():
        assert text == (COMMANDS[name][2] if not path else PAGES[f"{path} {name}"]["about"][0])


def test_there_is_a_page_for_every_command() -> None:
    assert set(PAGES) == set(LIVE)


@pytest.mark.parametrize("path", LIVE)
def test_the_options_are_of_the_kinds_that_the_search_for_help_knows(path: str) -> None:
    command = LIVE[path]
    assert command.allow_interspersed_args is not bool(PAGES[path]["commands"])
    for parameter in command.get_params(command.context_class(command)):
        if parameter.param_type_name == "option":
            assert (parameter.nargs, parameter.count, parameter.prompt) == (1, False, None)
            acts = parameter.is_eager and "--help" not in parameter.opts
            assert acts is not any(name in PAGES[path]["options"] for name in parameter.opts), parameter.opts


def _by_typer(words: list[str]) -> tuple[str, Any]:
    """What typer prints for a command line, and its exit code."""
    with redirect_stdout(StringIO()) as out, pytest.raises(SystemExit) as end:
        get_command(app).main(args=words, prog_name="narrowcast")
    return out.getvalue(), end.value.code


@st.composite
def _command_lines(draw: st.DrawFn) -> list[str]:
    """Words around a command and `--help`: its options, with values and without, and what is none of them."""
    path = draw(st.sampled_from(list(PAGES)))
    options = st.sampled_from([*PAGES[path]["options"], "--bogus"])
    word = st.one_of(
        options,
        st.builds("{}={}".format, options, st.just("x")),
        st.sampled_from(["x", "-1", "-", "--", "", "--help", "data", "list", "-px", "data import"]),
    )
    before = draw(
        st.sampled_from([[], [], ["--debug"], ["--home", "x"], ["--home"], ["--version"], ["--help"]])
    )
    return [
        *before,
        *path.split(),
        *draw(st.lists(word, max_size=3)),
        "--help",
        *draw(st.lists(word, max_size=2)),
    ]


@given(_command_lines())
def test_typer_prints_the_same(words: list[str]) -> None:
    text = requested_help(words)
    if text is not None:
        assert _by_typer(words) == (text, 0)


@pytest.mark.parametrize("path", PAGES)
def test_the_help_of_every_command_is_found(path: str, cli: Cli) -> None:
    text = help_text(f"narrowcast {path}".rstrip(), PAGES[path])
    assert requested_help([*path.split(), "--help"]) == text
    assert cli("--debug", "--home", "x", *path.split(), "--help").stdout == text


@pytest.mark.parametrize(
    "line",
    [
        "trian --help", "data nope --help", "data --nope --help", "train --bogus --help",
        "train --help --bogus", "train --recipe --help", "train --help --recipe", "train --json=yes --help",
        "train -- --help", "--version --help", "jobs submit -- train --help", "train --job --help",
        "train", "",
    ],
)  # fmt: skip
def test_typer_answers_what_is_unusual(line: str) -> None:
    assert requested_help(line.split()) is None


def test_names_are_not_joined() -> None:
    assert requested_help(["data import", "--help"]) is None
    assert requested_help(["", "--help"]) is None


def test_typer_completes_the_line_of_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_NARROWCAST_COMPLETE", "complete_bash")
    assert requested_help(["train", "--help"]) is None


@pytest.mark.parametrize("name", ["data", "jobs", "models"])
def test_a_group_without_a_command_prints_its_help(name: str, cli: Cli) -> None:
    assert cli(name, code=2).stderr == cli(name, "--help").stdout


@pytest.mark.parametrize("width", [40, 60, 80, 100, 250])
def test_every_help_fits_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for path, page in PAGES.items():
        lines = help_text(f"narrowcast {path}".rstrip(), page).splitlines()
        longer = [line.strip() for line in lines if len(line) > min(width, 100)]
        assert not longer if width >= 50 else not any(" " in line for line in longer), path
        assert not any(line != line.rstrip() for line in lines), path


def test_a_note_is_broken_only_where_no_line_can_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = help_text("narrowcast train", PAGES["train"]).splitlines()
    assert "[one of auto, linear, encoder, lora, dora, qlora," in [line.strip() for line in lines]
    assert not any(line.endswith("[default:") for line in lines)


def _on_a_terminal(**variables: str) -> str:
    """What `narrowcast prepare --help` writes to a terminal of its own."""
    main, other = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"TERM": "xterm", **variables}
    with subprocess.Popen(command_line(["prepare", "--help"]), stdout=other, env=environment) as process:
        os.close(other)
        written = b""
        while chunk := _read(main):
            written += chunk
    os.close(main)
    assert process.returncode == 0
    return written.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how Linux says that nobody writes any more
        return b""


def test_colour_is_for_terminals(cli_process: Cli) -> None:
    plain = cli_process("prepare", "--help").stdout
    assert "\x1b" not in plain
    coloured = _on_a_terminal()
    assert "\x1b[1mOptions:\x1b[0m" in coloured
    assert "\x1b[36m--json\x1b[0m" in coloured
    for sign in ("\x1b[1m", "\x1b[36m", "\x1b[0m"):
        coloured = coloured.replace(sign, "")
    assert coloured == plain
    assert _on_a_terminal(NO_COLOR="1") == plain
    assert _on_a_terminal(TERM="dumb") == plain


def test_a_reader_that_stops_early_is_not_reported() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command_line(["train", "--help"]), stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


# One clean interpreter; each help runs in a fork of it, which loads what that help alone needs.
HELP_IN_FORKS = """
import contextlib, io, os, sys
from narrowcast.cli.main import main
for line in sys.stdin.read().splitlines():
    sys.stdout.flush()
    if os.fork() == 0:
        with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as text:
            main([*line.split(), "--help"])
        loaded = sorted({each.partition(".")[0] for each in sys.modules})
        import json
        print(json.dumps({"line": line, "text": text.getvalue(), "loaded": loaded}), flush=True)
        os._exit(0)
    os.wait()
"""


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP_IN_FORKS],
        input="\n".join(PAGES),
        capture_output=True,
        text=True,
        check=True,
    )
    helps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["line"] for each in helps] == list(PAGES)
    assert {each["line"]: HEAVY & set(each["loaded"]) for each in helps if HEAVY & set(each["loaded"])} == {}
    assert all("Usage: narrowcast" in each["text"] for each in helps)
