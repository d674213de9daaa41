"""A dry run exits as the run would, where that can be known without it; and options are suggested."""

import random
import shutil
from pathlib import Path

import pytest

from narrowcast.cli.commands import COMMANDS
from narrowcast.cli.root import load_command
from narrowcast.pipeline.project import Project
from narrowcast.store import folders
from tests.support.cli import Cli, CliJson

MAPPING = ["--mapper", "label_to_classification", "--map", "text=text,label=label"]


def _word(draw: random.Random) -> str:
    return "".join(draw.sample("abcdefghijklmnopqrstuvwxyz", 6))


def _imported(cli: Cli, path: Path, texts: list[str]) -> None:
    path.write_text("text,label\n" + "".join(f"{text},{'ab'[n % 2]}\n" for n, text in enumerate(texts)))
    cli("data", "import", "-l", f"csv:{path}", *MAPPING)


CASES: dict[str, tuple[list[str], list[str], int]] = {
    "a source that is missing": ([], ["data", "import", "-l", "csv:none.csv", *MAPPING], 1),
    "no row with a text": ([], ["data", "import", "-l", "csv:empty.csv", *MAPPING], 1),
    "a mapper that is unknown": ([], ["data", "import", "-l", "csv:empty.csv", "--mapper", "none"], 2),
    "nothing imported": ([], ["prepare"], 1),
    "rows that are all alike": ([f"text number {n}" for n in range(20)], ["prepare"], 1),
    "no teacher": ([f"text number {n}" for n in range(20)], ["data", "generate"], 2),
    "no generated rows": ([f"text number {n}" for n in range(20)], ["data", "gate"], 1),
    "not prepared": ([f"text number {n}" for n in range(20)], ["baseline"], 1),
    "not trained": ([f"text number {n}" for n in range(20)], ["export"], 1),
    "no rows": ([], ["run"], 1),
    "a stage that is unknown": ([], ["run", "--until", "none"], 2),
    "a name that is taken": ([], ["project", "rename", "other"], 2),
    "a folder that exists": ([], ["project", "move", "."], 2),
    "no backup": ([], ["project", "restore", "none.tar"], 1),
}


@pytest.mark.parametrize("case", CASES)
def test_a_dry_run_exits_as_the_run_would(project: Project, cli: Cli, tmp_path: Path, case: str) -> None:
    texts, command, code = CASES[case]
    cli("init", "other", "--yes")
    cli("use", project.slug)
    (tmp_path / "empty.csv").write_text("text,label\n" + ",a\n" * 20)
    if texts:
        _imported(cli, tmp_path / "rows.csv", texts)
    cli(*command, "--dry-run", code=code, cwd=tmp_path)
    cli(*command, code=code, cwd=tmp_path)


def test_a_dry_run_of_prepare_shows_the_splits_it_would_write(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path
) -> None:
    draw = random.Random(0)
    _imported(cli, tmp_path / "rows.csv", [" ".join(_word(draw) for _ in range(6)) for _ in range(60)])
    planned = cli_json("prepare", "--dry-run")["outcome"]
    assert not project.paths.prepared.exists()
    result = cli_json("prepare")
    assert planned["version"] == result["version"]
    assert planned["rows"] == {each["split"]: each["rows"] for each in result["splits"]}


def test_a_disk_that_is_too_small_is_refused_before_the_work(
    project: Project, cli: Cli, cli_json: CliJson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(0)
    _imported(cli, tmp_path / "rows.csv", [" ".join(_word(draw) for _ in range(6)) for _ in range(60)])
    with monkeypatch.context() as small:  # a disk of 100 bytes cannot be mounted by a test
        small.setattr(folders.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 1))  # type: ignore[attr-defined]
        for command in (
            ["prepare", "--dry-run"],
            ["prepare"],
            ["project", "backup", str(tmp_path / "a.tar"), "--dry-run"],
            ["project", "backup", str(tmp_path / "a.tar")],
        ):
            assert cli_json(*command, code=1)["error"]["reason_code"] == "system_disk_short"
    assert not (tmp_path / "a.tar").exists()
    cli("prepare")


def _leaves(name: str) -> list[tuple[list[str], list[str]]]:
    """The words of each command below a name, with its long options."""
    command = load_command(name)
    found = []
    for words, each in [([name], command)] + [
        ([name, sub], child) for sub, child in getattr(command, "commands", {}).items()
    ]:
        options = [opt for option in each.params for opt in option.opts if opt.startswith("--")]
        found.append((words, [option for option in options if len(option) > 6]))
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_a_misspelt_option_is_suggested(name: str, cli: Cli) -> None:
    for words, options in _leaves(name):
        for option in options[:3]:
            wrong = option[:4] + option[5:]
            if wrong not in options:
                assert option in cli(*words, wrong, code=2).stderr, (words, wrong)
