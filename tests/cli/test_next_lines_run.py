"""Next lines are run as they are printed: in the workspace, the project and with the options they concern."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.support.cli import Cli, CliJson, Completed

_NEXT = re.compile(r"^next: narrowcast (.*)$", re.MULTILINE)


@pytest.fixture
def other(cli: Cli, tmp_path: Path) -> list[str | Path]:
    """A workspace that is not the default one, with two projects; the second is the current one."""
    home = ["--home", tmp_path / "other home"]
    cli(*home, "init", "first")
    cli(*home, "init", "second")
    return home


def _rows(path: Path, count: int = 60) -> Path:
    texts = ("give my money back for", "nothing has come yet of", "the bill is too high for")
    kinds = ("refund", "delivery", "invoice")
    lines = [f"please {texts[n % 3]} case {n * 7919},{kinds[n % 3]}" for n in range(count)]
    path.write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def _next(done: Completed) -> list[str]:
    """The words of the one next line, without its comment."""
    found = _NEXT.findall(done.stdout + done.stderr)
    assert len(found) == 1, done.stdout + done.stderr
    return shlex.split(found[0], comments=True)


def test_each_next_line_of_a_walk_runs_where_it_was_printed(
    other: list[str | Path], cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    rows = _rows(tmp_path / "rows.csv")
    walk = [cli(*other, "status", "--project", "first")]
    seen = []
    for _ in range(3):
        words = _next(walk[-1])
        place, command = words[:2], words[2:]
        assert place == ["--home", str(other[1])]
        assert command[command.index("--project") + 1] == "first"
        seen.append(command[0])
        if command[0] == "baseline":
            break  # it takes minutes; `test_next_lines_parse` shows that it is understood
        walk.append(cli(*[f"csv:{rows}" if each == "SCHEME:PATH" else each for each in words]))
    assert seen == ["data", "prepare", "baseline"]
    assert cli_json(*other, "data", "imports", "--project", "second") == []
    assert len(cli_json(*other, "data", "imports", "--project", "first")) == 1


def test_a_refusal_says_the_same_command_with_the_option_it_needs(
    other: list[str | Path], cli: Cli, tmp_path: Path
) -> None:
    few = _rows(tmp_path / "few.csv", 8)
    done = cli(*other, "data", "import", "--project", "first", "--locator", f"csv:{few}", "--auto", code=1)
    words = _next(done)
    assert words[-1] == "--force"
    assert "8 accepted" in cli(*words).stdout


def test_a_dry_run_says_the_command_without_it(other: list[str | Path], cli: Cli, tmp_path: Path) -> None:
    rows = _rows(tmp_path / "rows.csv")
    given = [*other, "data", "import", "--project", "first", "--locator", f"csv:{rows}", "--auto"]
    words = _next(cli(*given, "--dry-run"))
    assert words == [str(each) for each in given]
    assert "60 accepted" in cli(*words).stdout


def test_questions_without_calls_name_a_command_that_imports_them(cli: Cli, tmp_path: Path) -> None:
    cli("init", "calls")
    tools = [{"name": "weather", "description": "Weather of a town", "parameters": {"type": "object"}}]
    rows = [
        {"question": [{"role": "user", "content": f"what is {n * 7919} times two?"}], "function": tools}
        for n in range(40)
    ]
    path = tmp_path / "asked.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = _next(cli("data", "import", "--locator", f"jsonl:{path}", "--auto", code=1))
    assert "40 accepted" in cli(*words).stdout


def test_a_cleaning_is_imported_from_anywhere(cli: Cli, tmp_path: Path) -> None:
    cli("init", "first")
    done = cli("data", "clean", "--locator", f"csv:{_rows(tmp_path / 'rows.csv')}")
    assert "60 accepted" in cli(*_next(done), cwd=tmp_path).stdout


def test_a_project_that_was_moved_by_hand_is_found_again(cli: Cli, cli_json: CliJson, tmp_path: Path) -> None:
    folder = Path(cli_json("init", "first")["path"])
    folder.rename(tmp_path / "moved")
    words = _next(cli("status", code=1))
    assert words == ["use", "FOLDER"]
    cli("use", tmp_path / "moved")
    assert str(tmp_path / "moved") in cli("status").stdout.replace("\n", "")


def test_defaults_are_not_spelt_out(cli: Cli) -> None:
    assert _next(cli("init", "first")) == ["data", "import", "--locator", "csv:PATH", "--auto"]
    assert _next(cli("status", "--project", "first"))[:3] == ["data", "import", "--locator"]


def test_the_current_project_changes_by_use_alone(cli: Cli, cli_json: CliJson, tmp_path: Path) -> None:
    cli("init", "first")
    cli("init", "second")
    rows = _rows(tmp_path / "rows.csv")
    cli("runs", "--project", "first")
    cli("data", "import", "--project", "first", "--locator", f"csv:{rows}", "--auto")
    assert cli_json("status")["project"] == "second"
    used = cli_json("use", "first")
    assert (used["slug"], used["hidden_by"]) == ("first", "")
    assert cli_json("status")["project"] == "first"
    assert [each["current"] for each in cli_json("projects")] == [True, False]


def test_use_says_where_it_does_not_decide(
    cli: Cli, cli_json: CliJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("init", "first")
    cli("init", "second")
    monkeypatch.setenv("NARROWCAST_PROJECT", "first")
    assert cli_json("use", "second")["hidden_by"] == "NARROWCAST_PROJECT=first"
    assert "--project second" in " ".join(_next(cli("use", "second")))


def test_each_command_names_its_project_first(cli: Cli) -> None:
    cli("init", "first")
    for words in (["runs"], ["events"], ["data", "ledger"], ["status"]):
        assert cli(*words).stderr.splitlines()[0] == "project first"


_LOOKING = (
    "status", "runs", "projects", "data imports", "data ledger", "data conflicts", "data versions",
    "data review", "data mappers", "recipes list", "recipes show sft-lora", "models list",
    "models show embedded", "jobs list", "preflight --probe-steps 0", "eval", "export", "serve",
    "data lineage nothing:1", "runs show exp-0000000000", "data introspect --locator csv:rows.csv",
    "data gate gen-1", "compare tfidf base", "train", "train --resume", "events",
    "data forget --text none", "data remove imp-00000000", "prepare --dry-run", "audit verify",
)  # fmt: skip
# Words that stand for what only the user knows, and what makes a long command short here.
_GIVEN = {"NAME": "third", "ID": "embedded", "PROJECT": "second", "NUMBER": "1e-4", "STAGE": "prepare"}
_SHORT = {"baseline": ["--models", "majority"], "train": ["--dry-run", "--probe-steps", "0"]}


@pytest.mark.parametrize("imported", [False, True], ids=["empty", "imported"])
def test_every_next_line_of_a_set_of_commands_is_a_command(
    other: list[str | Path], imported: bool, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = _rows(tmp_path / "rows.csv")
    if imported:
        cli(*other, "data", "import", "-p", "first", "--locator", f"csv:{rows}", "--auto")
        cli(*other, "prepare", "-p", "first")
    lines: dict[str, str] = {}
    for words in _LOOKING:
        place = (
            []
            if words.split()[0] in {"projects", "recipes", "models"} or "introspect" in words
            else ["--project", "first"]
        )
        place = [] if words == "data mappers" else place
        done = cli(*other, *words.split(), *place, code=None)
        assert done.returncode != 2, f"{words}: {done.stderr}"
        for line in _NEXT.findall(done.stdout + done.stderr):
            lines.setdefault(line, words)
    assert len(lines) > 8
    wrong = []
    for line, said_by in lines.items():
        words = [_GIVEN.get(each, each) for each in shlex.split(line, comments=True)]
        words = [f"csv:{rows}" if each in {"SCHEME:PATH", "csv:PATH"} else each for each in words]
        command = words[2] if words[0] == "--home" else words[0]
        ran = cli(*words, *_SHORT.get(command, []), code=None)
        misread = ran.returncode == 2 and "no teacher is set" not in ran.stderr
        if words[:2] != ["--home", str(other[1])] or misread or "Traceback" in ran.stderr:
            wrong.append(f"{said_by}: {line}\n  {ran.returncode} {ran.stderr}")
    assert not wrong, "\n".join(wrong)
