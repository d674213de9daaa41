"""`docs/plugins.md` holds the files of the example package, and its commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.plugins import PACKAGE, install_package

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(found[1], found[2] or "", found[3]) for found in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]


def test_every_file_of_the_package_is_on_the_page_as_it_is() -> None:
    shown = {name: text for language, name, text in BLOCKS if language in ("python", "toml") and name}
    files = [path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".toml")]
    kept = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in files}
    del kept["narrowcast_reviews/__init__.py"]
    assert shown == kept


def test_the_commands_of_the_page_run(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [
        shlex.split(line.removeprefix("$ "))
        for language, _, text in BLOCKS
        if language == "console"
        for line in text.splitlines()
    ]
    assert commands[0] == ["pip", "install", "."]
    site = tmp_path / "site"
    site.mkdir()
    install_package(site, monkeypatch)
    for language, name, text in BLOCKS:
        if language == "text":
            (tmp_path / name).write_text(text)
    more = [
        f"text: order {number} was a {word} one\nstars: {stars}\n"
        for number in range(20)
        for stars, word in enumerate(["bad", "poor", "fair", "good", "great"], 1)
    ]
    with (tmp_path / "reviews.txt").open("a") as file:
        file.write("\n" + "\n".join(more))
    for command in commands[1:]:
        assert command[0] == "narrowcast"
        cli(*command[1:], cwd=tmp_path)


def test_the_suite_of_the_page_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    site.mkdir()
    install_package(site, monkeypatch)
    (text,) = (text for language, name, text in BLOCKS if language == "python" and not name)
    names: dict[str, type] = {}
    exec(compile(text, str(PAGE), "exec"), names)
    suite = names["TestBlocks"]
    tests = [name for name in dir(suite) if name.startswith("test_")]
    assert len(tests) > 5
    for name in tests:
        folder = tmp_path / name
        folder.mkdir()
        arguments = () if name == "test_it_is_registered" else (folder,)
        getattr(suite(), name)(*arguments)
